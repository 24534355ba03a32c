// SPDX-License-Identifier: MIT
// What liblldm.so and liblldm_cuda.so must have in common: both are compiled with this line.
#pragma once

namespace lldm::memory {

inline constexpr const char* kCudaLibraryVersion =
    "lldm " LLDM_VERSION "; libtorch " LLDM_TORCH_VERSION "; gcc " __VERSION__;

}  // namespace lldm::memory
