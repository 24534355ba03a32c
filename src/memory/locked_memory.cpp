// SPDX-License-Identifier: MIT
#include "memory/locked_memory.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <sys/resource.h>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "memory/cuda_library.hpp"

namespace lldm::memory {

const PageLock* page_lock_of(at::Device device) {
  const CudaFunctions* cuda = loaded_cuda_functions();
  return device.is_cuda() && cuda ? &cuda->page_lock : nullptr;
}

std::int64_t lockable_bytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return -1;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

std::string locked_limit() {
  const std::int64_t bytes = lockable_bytes();
  return bytes < 0 ? "" : message("; this process may lock ", bytes_text(bytes), " (ulimit -l)");
}

at::Tensor locked_memory(std::int64_t bytes, const PageLock* lock, std::string_view what,
                         std::string_view remedies) {
  const auto plain = at::zeros({bytes}, at::TensorOptions(at::kByte));
  if (!lock || bytes == 0) return plain;
  void* begin = plain.mutable_data_ptr();
  if (const std::string why = lock->lock(begin, static_cast<std::size_t>(bytes)); !why.empty())
    throw OutOfMemory(message("out of host memory: ", bytes_text(bytes), " of ", what,
                              " could not be locked for copies to the device", locked_limit(),
                              "\n  ", why, "\n", remedies));
  // LibTorch copies from registered memory without a stop, whoever registered it.
  return at::from_blob(
      begin, {bytes}, [plain, unlock = lock->unlock](void* memory) { unlock(memory); },
      plain.options());
}

}  // namespace lldm::memory
