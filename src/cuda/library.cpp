// SPDX-License-Identifier: MIT
// What liblldm.so calls after dlopen (memory/cuda_library.hpp).
#include <cuda_runtime_api.h>

#include "cuda/allocator.hpp"
#include "memory/cuda_kernels.hpp"
#include "memory/cuda_library.hpp"
#include "memory/cuda_version.hpp"

namespace lldm::cuda {
namespace {

int device_count(std::string* why) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    if (why) *why = cudaGetErrorString(status);
    cudaGetLastError();  // forget it: the next call reports its own
    return 0;
  }
  if (count == 0 && why) *why = "the driver shows no device";
  return count;
}

std::vector<memory::CudaDevice> devices(std::string* why) {
  std::vector<memory::CudaDevice> found;
  for (int d = 0, count = device_count(why); d < count; ++d) {
    cudaDeviceProp properties;
    if (const cudaError_t status = cudaGetDeviceProperties(&properties, d); status != cudaSuccess) {
      if (why) *why = cudaGetErrorString(status);
      continue;
    }
    found.push_back({properties.name, static_cast<std::int64_t>(properties.totalGlobalMem),
                     properties.major, properties.minor, properties.multiProcessorCount});
  }
  return found;
}

bool count_in_if_there_is_a_device(memory::Ledger* ledger) {
  if (device_count(nullptr) == 0) return false;
  count_in(ledger);
  return ledger != nullptr;
}

constexpr memory::CudaFunctions kFunctions = {
    memory::kCudaLibraryVersion,
    &devices,
    &count_in_if_there_is_a_device,
    {&rms_norm_forward, &rms_norm_groups, &rms_norm_backward, &rope_forward, &rope_backward,
     &swiglu_forward, &swiglu_backward},
};

}  // namespace
}  // namespace lldm::cuda

extern "C" __attribute__((visibility("default"))) const lldm::memory::CudaFunctions*
lldm_cuda_functions() {
  return &lldm::cuda::kFunctions;
}
