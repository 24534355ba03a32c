// SPDX-License-Identifier: MIT
// Memory of the host that a device copies to and from by itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lldm::memory {

/// How a device's driver locks pages that are there already.
struct PageLock {
  std::string (*lock)(void* begin, std::size_t bytes);  // "", or why it failed
  void (*unlock)(void* begin);
};

/// The loaded CUDA library's for a GPU; nullptr for the CPU, which needs none.
[[nodiscard]] const PageLock* page_lock_of(at::Device device);

/// Zeros [bytes] uint8, exactly so many, counted under the purpose of the caller and locked as long
/// as they live; plain ones where `lock` is null.
///
/// Errors  OutOfMemory: how much was asked for and `what` for, the system's limit, the lines of
///         `remedies`.
[[nodiscard]] at::Tensor locked_memory(std::int64_t bytes, const PageLock* lock,
                                       std::string_view what, std::string_view remedies);

/// Bytes that this process may lock (RLIMIT_MEMLOCK); -1: as many as it likes.
[[nodiscard]] std::int64_t lockable_bytes();
/// "; this process may lock 8.00 MiB (ulimit -l)", or "" where there is no limit.
[[nodiscard]] std::string locked_limit();

}  // namespace lldm::memory
