// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/laws/estimator_laws.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
