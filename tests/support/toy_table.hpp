// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/laws/toy_table.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
