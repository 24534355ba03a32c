// SPDX-License-Identifier: MIT
// Where the golden data lies: $LLDM_GOLDEN, else the copy in tests/golden/data.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lldm::testing {

inline std::filesystem::path golden_root() {
  if (const char* path = std::getenv("LLDM_GOLDEN"); path && *path) return path;
  return std::filesystem::path(LLDM_SOURCE_DIR) / "tests/golden/data";
}

/// Real data sets ($LLDM_DATA); empty when the variable is not set, and then the test says so.
inline std::filesystem::path data_root() {
  const char* path = std::getenv("LLDM_DATA");
  return path && *path ? std::filesystem::path(path) : std::filesystem::path();
}

}  // namespace lldm::testing
