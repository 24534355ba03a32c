// SPDX-License-Identifier: MIT
#include "model/rope.hpp"

#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

#include "model/kernels/attention.hpp"

namespace lldm {
namespace {

template <class T>
void fill(RopeTables& tables, T theta) {
  const std::int64_t half = tables.cosines.size(0), length = tables.cosines.size(1);
  T* cosines = tables.cosines.mutable_data_ptr<T>();
  T* sines = tables.sines.mutable_data_ptr<T>();
  for (std::int64_t i = 0; i < half; ++i) {
    const T frequency = T(1) / std::pow(theta, static_cast<T>(2 * i) / static_cast<T>(2 * half));
    for (std::int64_t position = 0; position < length; ++position) {
      const T angle = static_cast<T>(position) * frequency;
      cosines[i * length + position] = std::cos(angle);
      sines[i * length + position] = std::sin(angle);
    }
  }
}

}  // namespace

RopeTables rope_tables(std::int64_t length, std::int64_t head_width, double theta,
                       at::ScalarType dtype) {
  const auto options = at::TensorOptions(dtype);
  const std::vector<std::int64_t> shape{head_width / 2, length + kAttentionPadding};
  RopeTables tables{at::empty(shape, options), at::empty(shape, options)};
  if (dtype == at::kDouble)
    fill<double>(tables, theta);
  else
    fill<float>(tables, static_cast<float>(theta));
  return tables;
}

}  // namespace lldm
