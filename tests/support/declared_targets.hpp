// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/laws/declared_targets.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
