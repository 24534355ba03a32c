// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace lldm {

/// Whether `name` matches [a-z][a-z0-9_]*.
[[nodiscard]] constexpr bool is_component_name(std::string_view name) {
  if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  return true;
}

}  // namespace lldm
