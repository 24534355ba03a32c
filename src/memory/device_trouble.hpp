// SPDX-License-Identifier: MIT
// What LibTorch says of a device that is full or gone, in words that say what to do.
#pragma once

#include <string>
#include <string_view>

#include "lldm/memory/bytes.hpp"
#include "memory/cuda_library.hpp"

namespace lldm::memory {

/// Why a device had no block: who holds its memory.  Inline: the CUDA library says it, too.
inline std::string full_device(const CudaMemory& now) {
  const auto text = [](std::int64_t bytes) {
    return bytes_text(static_cast<std::uint64_t>(bytes < 0 ? 0 : bytes));
  };
  // What is neither free nor ours: other processes, and this one's context.
  const std::int64_t others = now.total_bytes - now.free_bytes - now.reserved_bytes;
  constexpr std::int64_t kContext = std::int64_t{1} << 30;
  std::string said = "no free block of that size on the device; " + text(now.free_bytes) + " of " +
                     text(now.total_bytes) + " are free, this process holds " +
                     text(now.reserved_bytes) + ", others and contexts " + text(others);
  if (others > kContext && others > now.total_bytes / 8)
    said += "\n  other processes fill the card: nvidia-smi names them";
  return said;
}

/// What to say where LibTorch's text means that this process can use its device no longer; "" for
/// other errors.
[[nodiscard]] std::string lost_device(std::string_view what);

}  // namespace lldm::memory
