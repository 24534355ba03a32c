// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "model/kernels/simd.hpp"

namespace lldm::simd {

/// A square as wide as a register: each time the first half of the rows is interleaved with the
/// second.
template <class Vector>
[[gnu::always_inline]] inline void transpose_square(const typename Bits<Vector>::Number* from,
                                                    std::int64_t from_stride,
                                                    typename Bits<Vector>::Number* to,
                                                    std::int64_t to_stride) {
  constexpr int kSide = sizeof(Vector) / sizeof(typename Bits<Vector>::Number);
  using Places = typename Bits<Vector>::Integers;
  Places low{}, high{};
#pragma GCC unroll 8
  for (int i = 0; i < kSide / 2; ++i) {
    low[2 * i] = i, low[2 * i + 1] = kSide + i;
    high[2 * i] = kSide / 2 + i, high[2 * i + 1] = kSide + kSide / 2 + i;
  }
  Vector rows[kSide];
#pragma GCC unroll 16
  for (int r = 0; r < kSide; ++r) rows[r] = load<Vector>(from + r * from_stride);
#pragma GCC unroll 4
  for (int width = 1; width < kSide; width *= 2) {
    Vector mixed[kSide];
#pragma GCC unroll 8
    for (int i = 0; i < kSide / 2; ++i) {
      mixed[2 * i] = __builtin_shuffle(rows[i], rows[i + kSide / 2], low);
      mixed[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + kSide / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kSide; ++i) rows[i] = mixed[i];
  }
#pragma GCC unroll 16
  for (int c = 0; c < kSide; ++c) store(to + c * to_stride, rows[c]);
}

}  // namespace lldm::simd
