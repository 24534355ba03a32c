// SPDX-License-Identifier: MIT
// liblldm_cuda.so as liblldm.so sees it: a table of functions, found by one symbol after dlopen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/cuda_kernels.hpp"

namespace lldm::memory {

class Ledger;

struct CudaDevice {
  std::string name;
  std::int64_t total_bytes = 0;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
};

/// What `lldm_cuda_functions()` of liblldm_cuda.so returns.  Both libraries are one build; the
/// version is compared before anything else is read.
struct CudaFunctions {
  const char* version;  // kCudaLibraryVersion (memory/cuda_version.hpp) of its build
  /// The visible devices; empty with `*why` set where the driver or a device is missing.  Never
  /// throws.
  std::vector<CudaDevice> (*devices)(std::string* why);
  /// Counts CUDA allocations in `ledger` from now on; nullptr: stop counting.  False without a
  /// device.
  bool (*count_in)(Ledger* ledger);
  /// The fused kernels (memory/cuda_kernels.hpp).
  struct Kernels {
    decltype(&cuda::rms_norm_forward) rms_norm_forward;
    decltype(&cuda::rms_norm_groups) rms_norm_groups;
    decltype(&cuda::rms_norm_backward) rms_norm_backward;
    decltype(&cuda::rope_forward) rope_forward;
    decltype(&cuda::rope_backward) rope_backward;
    decltype(&cuda::swiglu_forward) swiglu_forward;
    decltype(&cuda::swiglu_backward) swiglu_backward;
  } kernels;
};

/// The loaded library, or nullptr before the first successful load.
[[nodiscard]] const CudaFunctions* loaded_cuda_functions() noexcept;

/// Remembers the ledger that CUDA allocations count in, for now and for a later load.
void count_cuda_in(Ledger* ledger);
[[nodiscard]] bool is_cuda_counted() noexcept;

}  // namespace lldm::memory
