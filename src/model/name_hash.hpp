// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace lldm {

/// FNV-1a: the name, not its place in a list, identifies a tensor's stream of draws.
inline std::uint64_t name_hash(std::string_view name) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return value;
}

}  // namespace lldm
