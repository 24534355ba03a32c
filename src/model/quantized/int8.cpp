// SPDX-License-Identifier: MIT
#include "model/quantized/int8.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr float kLargestCode = 127.0F;

std::int64_t rows_per_task(std::int64_t columns) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, columns));
}

}  // namespace

void int8_encode(const at::Tensor& values, std::int8_t* codes, float* absmax) {
  const auto halves = values.to(at::kHalf).to(at::kFloat).contiguous();
  const float* x = halves.const_data_ptr<float>();
  const std::int64_t rows = values.size(0), columns = values.size(1);
  at::parallel_for(0, rows, rows_per_task(columns), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const float* from = x + row * columns;
      float largest = 0;
      for (std::int64_t i = 0; i < columns; ++i) largest = std::max(largest, std::abs(from[i]));
      absmax[row] = largest;
      // In this order of operations the recorded codes are reproduced bit by bit.
      const float scale = largest > 0 ? kLargestCode * (1.0F / largest) : 0.0F;
      for (std::int64_t i = 0; i < columns; ++i)
        codes[row * columns + i] = static_cast<std::int8_t>(std::nearbyint(from[i] * scale));
    }
  });
  for (std::int64_t row = 0; row < rows; ++row)
    if (!std::isfinite(absmax[row]))
      throw DataError("a weight is beyond float16's 65504, through which int8 storage goes");
}

void int8_decode(const std::int8_t* codes, const float* absmax, std::int64_t rows,
                 std::int64_t columns, float* out) {
  at::parallel_for(0, rows, rows_per_task(columns), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const float scale = absmax[row] / kLargestCode;
      for (std::int64_t i = row * columns; i < (row + 1) * columns; ++i)
        out[i] = static_cast<float>(codes[i]) * scale;
    }
  });
}

}  // namespace lldm
