// SPDX-License-Identifier: MIT
#pragma once

#include "laws/fake_denoiser.hpp"

namespace lldm::testing {
using namespace lldm::laws;
}
