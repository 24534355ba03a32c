// SPDX-License-Identifier: MIT
// Products with one thin side, and transposition, on plain memory.  Every sum is made in the order
// of its terms by fused operations: its bits depend on nothing but its terms, whatever the tile,
// the thread or the processor (from AVX2 on).
#pragma once

#include <cstdint>

namespace lldm {

/// c += a b, or c = a b; rows [begin, end) of a and c.
struct ThinProduct {
  const float* a;  // [M, K]
  std::int64_t row_stride, inner_stride;
  const float* b;  // [K, 16 V], dense
  float* c;        // [M, 16 V], dense
  std::int64_t inner;
  std::int64_t vectors;  // V, 1 to 4
};
void thin_product(const ThinProduct&, std::int64_t begin, std::int64_t end);

/// y += a b, where K is small; rows [begin, end) of a and y.
struct ThinUpdate {
  const float* a;  // [M, K]
  std::int64_t row_stride, inner_stride;
  const float* b;  // [K, N], dense
  float* y;        // [M, N], rows `y_stride` apart
  std::int64_t y_stride, inner, columns;
};
void thin_update(const ThinUpdate&, std::int64_t begin, std::int64_t end);

/// y = x^T; begin and end count groups of 16 rows of x (of which the last may be shorter).
struct Transposition {
  const float* x;  // [M, N], rows `x_stride` apart
  float* y;        // [N, M], rows `y_stride` apart
  std::int64_t x_stride, y_stride, rows, columns;
};
void transpose(const Transposition&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
