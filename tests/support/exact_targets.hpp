// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/laws/exact_targets.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
