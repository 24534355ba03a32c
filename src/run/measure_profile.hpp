// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "lldm/memory/device_profile.hpp"

namespace lldm {

/// This machine's `device` ("cpu", "cuda", "cuda:1", "auto"): about 20 s, a CPU with as many
/// threads as LibTorch has.  Each rate is the best of several repetitions on work of the size that
/// training gives it.
/// Errors  ConfigError for a device that is not here.
DeviceProfile measure_profile(const std::string& device);

}  // namespace lldm
