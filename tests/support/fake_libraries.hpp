// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace lldm::testing {

/// support/fake_bitsandbytes.cpp as a library: "whole", "before_044", "part", "wrong".
inline std::string fake_bitsandbytes(const std::string& kind) {
  return LLDM_BINARY_DIR "/lib/fake_libraries/libfake_bitsandbytes_" + kind + ".so";
}

}  // namespace lldm::testing
