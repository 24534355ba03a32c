// SPDX-License-Identifier: MIT
#include "model/direct_gradients.hpp"

#include <algorithm>

namespace lldm {

void add_gradient(const at::Tensor& sum, const at::Tensor& value) {
  if (sum.scalar_type() == value.scalar_type() || sum.dim() == 0) {
    sum.add_(value);
    return;
  }
  // Between two types LibTorch adds through copies in the wider one, of both.
  const std::int64_t rows = sum.size(0);
  const std::int64_t bytes = value.numel() / std::max<std::int64_t>(1, rows) *
                             static_cast<std::int64_t>(value.element_size());
  const std::int64_t step =
      std::max<std::int64_t>(1, kMixedSumBytes / std::max<std::int64_t>(1, bytes));
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    const std::int64_t size = std::min(step, rows - begin);
    sum.narrow(0, begin, size).add_(value.narrow(0, begin, size));
  }
}

}  // namespace lldm
