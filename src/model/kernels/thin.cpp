// SPDX-License-Identifier: MIT
#include "model/kernels/thin.hpp"

#include <algorithm>

#include "model/kernels/clones.hpp"
#include "model/kernels/simd.hpp"

namespace lldm {
namespace {

using simd::load;
using simd::load_some;
using simd::store;
using simd::store_some;
using Floats = simd::Vec<float>;
constexpr int kWidth = simd::kLanes<float>;

/// Rows of a strided matrix share cache lines: this many terms of all rows before the next ones.
constexpr std::int64_t kStridedTerms = 128;

/// A tile of a sum: rows of a, columns of b.
struct Tile {
  const float* a;  // the first row's first term
  std::int64_t row_stride, inner_stride;
  const float* b;  // the first term's first column
  std::int64_t b_stride;
  float* sums;
  std::int64_t sums_stride, inner;
};

/// sums += a b, or, of fresh ones, a b.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void add_tile(const Tile& t, bool is_fresh) {
  Floats sums[kRows][kVectors] = {};
  if (!is_fresh)
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = load(t.sums + r * t.sums_stride + v * kWidth);
  const float *a = t.a, *b = t.b;
  for (std::int64_t k = 0; k < t.inner; ++k, a += t.inner_stride, b += t.b_stride) {
    Floats right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + v * kWidth);
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r) {
      const float left = a[r * t.row_stride];  // GCC 12 spreads a number well in a product alone
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 24
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(t.sums + r * t.sums_stride + v * kWidth, sums[r][v]);
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void product_tile(const ThinProduct& p, std::int64_t row,
                                                std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kColumns = kVectors * kWidth;
  add_tile<kRows, kVectors>(
      {p.a + row * p.row_stride + first * p.inner_stride, p.row_stride, p.inner_stride,
       p.b + first * kColumns, kColumns, p.c + row * kColumns, kColumns, last - first},
      first == 0);
}

template <int kSums, int kVectors>
[[gnu::always_inline]] inline void product_rows(const ThinProduct& p, std::int64_t begin,
                                                std::int64_t end) {
  constexpr int kRows = std::min(12, std::max(1, kSums / kVectors));
  const std::int64_t step =
      p.inner_stride == 1 ? std::max<std::int64_t>(p.inner, 1) : kStridedTerms;
  for (std::int64_t first = 0; first < p.inner; first += step) {
    const std::int64_t last = std::min(p.inner, first + step);
    std::int64_t row = begin;
    for (; row + kRows <= end; row += kRows) product_tile<kRows, kVectors>(p, row, first, last);
    for (; row < end; ++row) product_tile<1, kVectors>(p, row, first, last);
  }
}

/// kSums: vectors of sums that the processor's registers hold.
template <int kSums>
[[gnu::always_inline]] inline void product_body(const ThinProduct& p, std::int64_t begin,
                                                std::int64_t end) {
  switch (p.vectors) {
    case 1:
      return product_rows<kSums, 1>(p, begin, end);
    case 2:
      return product_rows<kSums, 2>(p, begin, end);
    case 3:
      return product_rows<kSums, 3>(p, begin, end);
    default:
      return product_rows<kSums, 4>(p, begin, end);
  }
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void update_tile(const ThinUpdate& u, std::int64_t row,
                                               std::int64_t column) {
  add_tile<kRows, kVectors>({u.a + row * u.row_stride, u.row_stride, u.inner_stride, u.b + column,
                             u.columns, u.y + row * u.y_stride + column, u.y_stride, u.inner},
                            false);
}

/// The last columns of a row, fewer than a vector.
[[gnu::always_inline]] inline void update_rest(const ThinUpdate& u, std::int64_t row,
                                               std::int64_t column) {
  const std::int64_t count = u.columns - column;
  float* y = u.y + row * u.y_stride + column;
  Floats sums = load_some(y, count);
  for (std::int64_t k = 0; k < u.inner; ++k)
    sums += u.a[row * u.row_stride + k * u.inner_stride] *
            load_some(u.b + k * u.columns + column, count);
  store_some(y, sums, count);
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void update_rows(const ThinUpdate& u, std::int64_t row) {
  std::int64_t column = 0;
  for (; column + kVectors * kWidth <= u.columns; column += kVectors * kWidth)
    update_tile<kRows, kVectors>(u, row, column);
  for (; column + kWidth <= u.columns; column += kWidth) update_tile<kRows, 1>(u, row, column);
  if (column < u.columns)
    for (int r = 0; r < kRows; ++r) update_rest(u, row + r, column);
}

template <int kSums>
[[gnu::always_inline]] inline void update_body(const ThinUpdate& u, std::int64_t begin,
                                               std::int64_t end) {
  constexpr int kVectors = kSums >= 24 ? 4 : 2, kRows = kSums / kVectors;
  std::int64_t row = begin;
  for (; row + kRows <= end; row += kRows) update_rows<kRows, kVectors>(u, row);
  for (; row < end; ++row) update_rows<1, kVectors>(u, row);
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]] void product_avx512(
    const ThinProduct& p, std::int64_t begin, std::int64_t end) {
  product_body<24>(p, begin, end);
}
[[gnu::target("avx2,fma,bmi2")]] void product_avx2(const ThinProduct& p, std::int64_t begin,
                                                   std::int64_t end) {
  product_body<6>(p, begin, end);
}
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]] void update_avx512(
    const ThinUpdate& u, std::int64_t begin, std::int64_t end) {
  update_body<24>(u, begin, end);
}
[[gnu::target("avx2,fma,bmi2")]] void update_avx2(const ThinUpdate& u, std::int64_t begin,
                                                  std::int64_t end) {
  update_body<6>(u, begin, end);
}
#endif

using Places = simd::Types<float>::ints;

/// A square of 16 by 16: four times, the first half of the rows is interleaved with the second.
[[gnu::always_inline]] inline void transpose_square(Floats (&rows)[kWidth]) {
  constexpr Places kLow = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
  constexpr Places kHigh = {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
#pragma GCC unroll 4
  for (int pass = 0; pass < 4; ++pass) {
    Floats mixed[kWidth];
#pragma GCC unroll 8
    for (int i = 0; i < kWidth / 2; ++i) {
      mixed[2 * i] = __builtin_shuffle(rows[i], rows[i + kWidth / 2], kLow);
      mixed[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + kWidth / 2], kHigh);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) rows[i] = mixed[i];
  }
}

[[gnu::always_inline]] inline void transpose_body(const Transposition& t, std::int64_t begin,
                                                  std::int64_t end) {
  for (std::int64_t group = begin; group < end; ++group)
    for (std::int64_t column = 0; column < t.columns; column += kWidth) {
      const std::int64_t row = group * kWidth;
      const std::int64_t high = std::min<std::int64_t>(kWidth, t.rows - row);
      const std::int64_t wide = std::min<std::int64_t>(kWidth, t.columns - column);
      const float* from = t.x + row * t.x_stride + column;
      float* to = t.y + column * t.y_stride + row;
      if (high == kWidth && wide == kWidth) {
        Floats square[kWidth];
#pragma GCC unroll 16
        for (int r = 0; r < kWidth; ++r) square[r] = load(from + r * t.x_stride);
        transpose_square(square);
#pragma GCC unroll 16
        for (int c = 0; c < kWidth; ++c) store(to + c * t.y_stride, square[c]);
      } else {
        for (std::int64_t c = 0; c < wide; ++c)
          for (std::int64_t r = 0; r < high; ++r) to[c * t.y_stride + r] = from[r * t.x_stride + c];
      }
    }
}

}  // namespace

void thin_product(const ThinProduct& p, std::int64_t begin, std::int64_t end) {
#if defined(__x86_64__)
  const CpuLevel level = cpu_level();
  if (level == CpuLevel::avx512) return product_avx512(p, begin, end);
  if (level == CpuLevel::avx2) return product_avx2(p, begin, end);
#endif
  product_body<6>(p, begin, end);
}

void thin_update(const ThinUpdate& u, std::int64_t begin, std::int64_t end) {
#if defined(__x86_64__)
  const CpuLevel level = cpu_level();
  if (level == CpuLevel::avx512) return update_avx512(u, begin, end);
  if (level == CpuLevel::avx2) return update_avx2(u, begin, end);
#endif
  update_body<6>(u, begin, end);
}

LLDM_CPU_CLONES(transpose, Transposition)

}  // namespace lldm
