// SPDX-License-Identifier: MIT
#include "model/repeated_rows.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "model/products.hpp"

namespace lldm {

std::shared_ptr<const RepeatedRows> repeated_rows(const at::Tensor& tokens,
                                                  std::int64_t vocabulary) {
  constexpr std::int64_t kLeast = 256;
  const std::int64_t count = tokens.size(0);
  if (count < kLeast || !tokens.is_cpu()) return nullptr;
  const auto ids = tokens.contiguous();
  const auto* values = ids.const_data_ptr<std::int64_t>();
  std::vector<std::int32_t> kind_of(static_cast<std::size_t>(vocabulary), -1);
  std::vector<std::int64_t> places;
  auto kinds = at::empty({count}, at::TensorOptions(at::kInt));
  auto* kind = kinds.mutable_data_ptr<std::int32_t>();
  for (std::int64_t n = 0; n < count; ++n) {
    auto& known = kind_of[static_cast<std::size_t>(values[n])];
    if (known < 0) {
      known = static_cast<std::int32_t>(places.size());
      places.push_back(n);
    }
    kind[n] = known;
  }
  const std::int64_t filled = filled_up(static_cast<std::int64_t>(places.size()));
  if (2 * filled > count) return nullptr;
  places.resize(static_cast<std::size_t>(filled), places.front());
  return std::make_shared<RepeatedRows>(RepeatedRows{at::tensor(places, at::kLong), kinds});
}

at::Tensor repeated_columns(const at::Tensor& columns, const RepeatedRows& rows) {
  const std::int64_t features = columns.size(0), count = rows.kinds.size(0);
  auto result = at::empty({features, count}, columns.options());
  const auto from = columns.contiguous();
  const float* source = from.const_data_ptr<float>();
  float* target = result.mutable_data_ptr<float>();
  const auto* kind = rows.kinds.const_data_ptr<std::int32_t>();
  const std::int64_t stride = from.size(1);
  at::parallel_for(0, features, std::max<std::int64_t>(1, 16384 / count),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t f = begin; f < end; ++f)
                       for (std::int64_t n = 0; n < count; ++n)
                         target[f * count + n] = source[f * stride + kind[n]];
                   });
  return result;
}

}  // namespace lldm
