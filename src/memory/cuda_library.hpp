// SPDX-License-Identifier: MIT
// liblldm_cuda.so as liblldm.so sees it: a table of functions, found by one symbol after dlopen.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <cstdint>
#include <string>
#include <vector>

#include "memory/cuda_kernels.hpp"
#include "memory/locked_memory.hpp"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace lldm::memory {

class Ledger;

struct CudaDevice {
  std::string name;
  std::int64_t total_bytes = 0;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::string identity = {};  // the same for every process that is shown this device, in hex
};

/// Device memory as the driver and LibTorch's allocator see it.
struct CudaMemory {
  std::int64_t allocated_bytes = 0, reserved_bytes = 0;  // now: of tensors, of their segments
  std::int64_t peak_allocated_bytes = 0, peak_reserved_bytes = 0;
  std::int64_t free_bytes = 0, total_bytes = 0;  // of the device, other processes' included
  std::int64_t pinned_bytes = 0;                 // of the host's memory, locked for copies
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
  /// Makes one of `devices` the one that "cuda" means, and initialises it.
  /// Errors  Error: what the driver or LibTorch says.
  void (*select)(int device);
  /// Waits for everything that was given to the selected device.
  void (*synchronize)();
  CudaMemory (*memory)();
  /// The peaks of `memory` start again.
  void (*reset_peaks)();
  /// LibTorch's allocator holds no more than so many bytes of the selected device (0: no limit),
  /// in segments that grow, unless PYTORCH_ALLOC_CONF or PYTORCH_CUDA_ALLOC_CONF says else.
  void (*limit_memory)(std::int64_t bytes);
  /// Gives back what LibTorch's allocators keep for later, of the device and of locked host memory.
  void (*empty_cache)();
  /// From now on LibTorch warns of every call that waits for the device, or does no longer.
  void (*warn_of_synchronisations)(bool is_on);
  /// Of the driver and of the runtime, as 13000 is 13.0; 0: unknown.
  void (*versions)(int* driver, int* runtime);
  /// The GPUs of several processes (cuda/nccl.hpp).
  void (*connect_nccl)(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                       c10::intrusive_ptr<c10d::Backend>& backend);
  PageLock page_lock;  // by cudaHostRegister
  /// The cudaStream_t that LibTorch's operations of this thread go to; nullptr: CUDA's default one.
  void* (*current_stream)();
  /// The fused kernels (memory/cuda_kernels.hpp).
  struct Kernels {
    decltype(&cuda::rope_forward) rope_forward;
    decltype(&cuda::rope_backward) rope_backward;
    decltype(&cuda::swiglu_forward) swiglu_forward;
    decltype(&cuda::swiglu_backward) swiglu_backward;
    decltype(&cuda::int8_decode) int8_decode;
    decltype(&cuda::nf4_decode) nf4_decode;
    decltype(&cuda::uniforms) uniforms;
    decltype(&cuda::adamw_bfloat16) adamw_bfloat16;
  } kernels;
};

/// The loaded library, or nullptr before the first successful load.
[[nodiscard]] const CudaFunctions* loaded_cuda_functions() noexcept;

/// Remembers the ledger that CUDA allocations count in, for now and for a later load.
void count_cuda_in(Ledger* ledger);
[[nodiscard]] bool is_cuda_counted() noexcept;

}  // namespace lldm::memory
