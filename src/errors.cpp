// SPDX-License-Identifier: MIT
#include "lldm/errors.hpp"

#include <new>

namespace lldm {

int exit_code(const std::exception& error) noexcept {
  if (dynamic_cast<const ConfigError*>(&error)) return 2;
  if (dynamic_cast<const DataError*>(&error)) return 2;
  if (dynamic_cast<const OutOfMemory*>(&error)) return 3;
  if (dynamic_cast<const std::bad_alloc*>(&error)) return 3;
  if (dynamic_cast<const PluginError*>(&error)) return 4;
  if (dynamic_cast<const Stopped*>(&error)) return 75;
  return 1;
}

}  // namespace lldm
