// SPDX-License-Identifier: MIT
#pragma once

#include "laws/table_denoiser.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
