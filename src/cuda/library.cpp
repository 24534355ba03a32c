// SPDX-License-Identifier: MIT
// What liblldm.so calls after dlopen (memory/cuda_library.hpp).
#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <c10/core/AllocatorConfig.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "cuda/allocator.hpp"
#include "cuda/nccl.hpp"
#include "lldm/errors.hpp"
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

std::string hex(const cudaUUID_t& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : id.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return text;
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
                     properties.major, properties.minor, properties.multiProcessorCount,
                     hex(properties.uuid)});
  }
  return found;
}

bool count_in_if_there_is_a_device(memory::Ledger* ledger) {
  if (device_count(nullptr) == 0) return false;
  count_in(ledger);
  return ledger != nullptr;
}

void select(int device) {
  if (const cudaError_t status = cudaSetDevice(device); status != cudaSuccess)
    throw Error(message("cudaSetDevice(", device, "): ", cudaGetErrorString(status)));
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
}

void synchronize() { c10::cuda::device_synchronize(); }

memory::CudaMemory memory_now() {
  using Kind = c10::CachingAllocator::StatType;
  constexpr auto kAll = static_cast<std::size_t>(Kind::AGGREGATE);
  const auto device = c10::cuda::current_device();
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device);
  std::size_t free = 0, total = 0;
  if (const cudaError_t status = cudaMemGetInfo(&free, &total); status != cudaSuccess)
    throw Error(message("cudaMemGetInfo: ", cudaGetErrorString(status)));
  return {stats.allocated_bytes[kAll].current,
          stats.reserved_bytes[kAll].current,
          stats.allocated_bytes[kAll].peak,
          stats.reserved_bytes[kAll].peak,
          static_cast<std::int64_t>(free),
          static_cast<std::int64_t>(total),
          at::getHostAllocator(at::kCUDA)->get_stats().allocated_bytes.current};
}

void reset_peaks() { c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device()); }

void limit_memory(std::int64_t bytes) {
  // A fraction of fixed segments is used up by what is lost between them.
  if (!std::getenv("PYTORCH_ALLOC_CONF") && !std::getenv("PYTORCH_CUDA_ALLOC_CONF"))
    c10::CachingAllocator::setAllocatorSettings("expandable_segments:True");
  const auto total = static_cast<double>(memory_now().total_bytes);
  c10::cuda::CUDACachingAllocator::setMemoryFraction(
      bytes > 0 ? std::min(1.0, static_cast<double>(bytes) / total) : 1.0,
      c10::cuda::current_device());
}

void empty_cache() {
  c10::cuda::CUDACachingAllocator::emptyCache();
  at::getHostAllocator(at::kCUDA)->empty_cache();
}

void warn_of_synchronisations(bool is_on) {
  using c10::cuda::SyncDebugMode;
  c10::cuda::warning_state().set_sync_debug_mode(is_on ? SyncDebugMode::L_WARN
                                                       : SyncDebugMode::L_DISABLED);
}

void versions(int* driver, int* runtime) {
  if (cudaDriverGetVersion(driver) != cudaSuccess) *driver = 0;
  if (cudaRuntimeGetVersion(runtime) != cudaSuccess) *runtime = 0;
  cudaGetLastError();  // forget it: the next call reports its own
}

std::string lock_pages(void* begin, std::size_t bytes) {
  const cudaError_t status = cudaHostRegister(begin, bytes, cudaHostRegisterDefault);
  if (status == cudaSuccess) return "";
  cudaGetLastError();  // forget it: the next call reports its own
  return message("cudaHostRegister: ", cudaGetErrorString(status));
}

void unlock_pages(void* begin) {
  if (cudaHostUnregister(begin) != cudaSuccess) cudaGetLastError();
}

void* current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

constexpr memory::CudaFunctions kFunctions = {
    memory::kCudaLibraryVersion,
    &devices,
    &count_in_if_there_is_a_device,
    &select,
    &synchronize,
    &memory_now,
    &reset_peaks,
    &limit_memory,
    &empty_cache,
    &warn_of_synchronisations,
    &versions,
    &connect_nccl,
    {&lock_pages, &unlock_pages},
    &current_stream,
    {&rope_forward, &rope_backward, &swiglu_forward, &swiglu_backward, &int8_decode, &nf4_decode,
     &uniforms, &adamw_bfloat16},
};

}  // namespace
}  // namespace lldm::cuda

extern "C" __attribute__((visibility("default"))) const lldm::memory::CudaFunctions*
lldm_cuda_functions() {
  return &lldm::cuda::kFunctions;
}
