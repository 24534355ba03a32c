// SPDX-License-Identifier: MIT
#include "train/slices.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

namespace lldm {

std::vector<Slice> cut(const std::vector<std::int64_t>& counts) {
  std::vector<Slice> slices;
  for (std::size_t tensor = 0; tensor < counts.size(); ++tensor)
    for (std::int64_t begin = 0; begin < counts[tensor]; begin += kSliceNumbers)
      slices.push_back({tensor, begin, std::min(counts[tensor], begin + kSliceNumbers)});
  return slices;
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  at::parallel_for(0, static_cast<std::int64_t>(count), 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i) body(static_cast<std::size_t>(i));
                   });
}

}  // namespace lldm
