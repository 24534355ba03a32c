// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "lldm/errors.hpp"
#include "memory/device_trouble.hpp"

namespace lldm {

/// What a trial on a device found wrong; an error of it is that, too, but for a device that is full
/// or gone.
template <class Trial>
std::string tried(const Trial& trial) {
  try {
    return trial();
  } catch (const OutOfMemory&) {
    throw;
  } catch (const std::exception& error) {
    const std::string said = error.what();
    if (memory::is_full_device(said) || !memory::lost_device(said).empty()) throw;
    return said.substr(0, said.find('\n'));
  }
}

}  // namespace lldm
