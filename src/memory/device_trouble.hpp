// SPDX-License-Identifier: MIT
// What LibTorch says of a device that is full or gone, in words that say what to do.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "lldm/memory/bytes.hpp"
#include "memory/cuda_library.hpp"

namespace lldm::memory {

/// More than a context takes.
inline constexpr std::int64_t kLargestContext = std::int64_t{1} << 30;

/// What is neither free nor ours: other processes, and this one's context.
inline std::int64_t outside(const CudaMemory& now) {
  return now.total_bytes - now.free_bytes - now.reserved_bytes;
}

/// What LibTorch's allocator may hold of a budget (0: none) that the context is part of, which is
/// `known`, or else (0) what is in use and not ours.  Never less than a few segments: what tensors
/// ask for is counted all the same.
inline std::int64_t reservable(std::int64_t budget, std::int64_t known, const CudaMemory& now) {
  if (budget == 0) return 0;
  const std::int64_t context =
      known > 0 ? known : std::clamp<std::int64_t>(outside(now), 0, kLargestContext);
  constexpr std::int64_t kFewSegments = std::int64_t{256} << 20;
  return std::max(kFewSegments, budget - context);
}

/// Why a device had no block: who holds its memory.  Inline: the CUDA library says it, too.
inline std::string full_device(const CudaMemory& now) {
  const auto text = [](std::int64_t bytes) {
    return bytes_text(static_cast<std::uint64_t>(bytes < 0 ? 0 : bytes));
  };
  const std::int64_t others = outside(now);
  std::string said = "no free block of that size on the device; " + text(now.free_bytes) + " of " +
                     text(now.total_bytes) + " are free, this process holds " +
                     text(now.reserved_bytes) + ", others and contexts " + text(others);
  if (others > kLargestContext && others > now.total_bytes / 8)
    said += "\n  other processes fill the card: nvidia-smi names them";
  return said;
}

/// Whether LibTorch's text means that a library found no memory on the device.
[[nodiscard]] bool is_full_device(std::string_view what);

/// What to say where LibTorch's text means that this process can use its device no longer; "" for
/// other errors.
[[nodiscard]] std::string lost_device(std::string_view what);

}  // namespace lldm::memory
