// SPDX-License-Identifier: MIT
// Tensors cut into pieces that threads take: the pieces are the same for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace lldm {

struct Slice {
  std::size_t tensor = 0;
  std::int64_t begin = 0, end = 0;  // numbers; begin is a multiple of kSliceNumbers
};

inline constexpr std::int64_t kSliceNumbers = std::int64_t{1} << 16;

/// Tensor after tensor, given their numbers of elements.
[[nodiscard]] std::vector<Slice> cut(const std::vector<std::int64_t>& counts);

/// `body(i)` for every i < count, on LibTorch's threads.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace lldm
