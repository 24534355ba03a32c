// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/memory/device_profile.hpp"

namespace lldm {

/// This machine's CPU, measured with as many threads as LibTorch has: about 20 s.  Each rate is the
/// best of several repetitions on work of the size that training gives it.
DeviceProfile measure_profile();

}  // namespace lldm
