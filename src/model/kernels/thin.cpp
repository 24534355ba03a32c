// SPDX-License-Identifier: MIT
#include "model/kernels/thin.hpp"

#include <algorithm>
#include <cstring>

#include "model/kernels/clones.hpp"
#include "model/kernels/simd.hpp"
#include "model/kernels/transpose_square.hpp"

namespace lldm {
namespace {

using Floats = simd::Vec<float>;
constexpr int kWidth = simd::kLanes<float>;
/// A register of AVX2.
using HalfFloats = simd::HalfVec<float>;

template <class Vector>
constexpr int kLanesOf = sizeof(Vector) / sizeof(float);

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
template <class Vector, int kRows, int kVectors>
[[gnu::always_inline]] inline void add_tile(const Tile& t, bool is_fresh) {
  constexpr int kLanes = kLanesOf<Vector>;
  Vector sums[kRows][kVectors] = {};
  if (!is_fresh)
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        sums[r][v] = simd::load<Vector>(t.sums + r * t.sums_stride + v * kLanes);
  const float *a = t.a, *b = t.b;
  for (std::int64_t k = 0; k < t.inner; ++k, a += t.inner_stride, b += t.b_stride) {
    Vector right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = simd::load<Vector>(b + v * kLanes);
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
    for (int v = 0; v < kVectors; ++v)
      std::memcpy(t.sums + r * t.sums_stride + v * kLanes, &sums[r][v], sizeof(Vector));
}

/// Of all columns of b and c those of kVectors vectors from `column` on.
template <class Vector, int kRows, int kVectors>
[[gnu::always_inline]] inline void product_rows(const ThinProduct& p, std::int64_t column,
                                                std::int64_t begin, std::int64_t end) {
  const std::int64_t columns = p.vectors * kWidth;
  const std::int64_t step =
      p.inner_stride == 1 ? std::max<std::int64_t>(p.inner, 1) : kStridedTerms;
  for (std::int64_t first = 0; first < p.inner; first += step) {
    const std::int64_t last = std::min(p.inner, first + step);
    const auto tile_of = [&](std::int64_t row) __attribute__((always_inline)) {
      return Tile{p.a + row * p.row_stride + first * p.inner_stride,
                  p.row_stride,
                  p.inner_stride,
                  p.b + first * columns + column,
                  columns,
                  p.c + row * columns + column,
                  columns,
                  last - first};
    };
    std::int64_t row = begin;
    for (; row + kRows <= end; row += kRows)
      add_tile<Vector, kRows, kVectors>(tile_of(row), first == 0);
    for (; row < end; ++row) add_tile<Vector, 1, kVectors>(tile_of(row), first == 0);
  }
}

/// With 32 registers of a whole vector: all columns at once.
[[gnu::always_inline]] inline void product_wide(const ThinProduct& p, std::int64_t begin,
                                                std::int64_t end) {
  switch (p.vectors) {
    case 1:
      return product_rows<Floats, 12, 1>(p, 0, begin, end);
    case 2:
      return product_rows<Floats, 12, 2>(p, 0, begin, end);
    case 3:
      return product_rows<Floats, 8, 3>(p, 0, begin, end);
    default:
      return product_rows<Floats, 6, 4>(p, 0, begin, end);
  }
}

/// With 16 of half a one: twelve sums, two numbers of b and one of a.
constexpr int kNarrowRows = 6;
[[gnu::always_inline]] inline void product_narrow(const ThinProduct& p, std::int64_t begin,
                                                  std::int64_t end) {
  for (std::int64_t v = 0; v < p.vectors; ++v)
    product_rows<HalfFloats, kNarrowRows, 2>(p, v * kWidth, begin, end);
}

/// The last columns of a row, fewer than a vector.
[[gnu::always_inline]] inline void update_rest(const ThinUpdate& u, std::int64_t row,
                                               std::int64_t column) {
  const std::int64_t count = u.columns - column;
  float* y = u.y + row * u.y_stride + column;
  for (std::int64_t c = 0; c < count; ++c)
    for (std::int64_t k = 0; k < u.inner; ++k)
      y[c] += u.a[row * u.row_stride + k * u.inner_stride] * u.b[k * u.columns + column + c];
}

template <class Vector, int kRows, int kVectors>
[[gnu::always_inline]] inline void update_rows(const ThinUpdate& u, std::int64_t row) {
  constexpr int kLanes = kLanesOf<Vector>;
  const auto tile_of = [&](std::int64_t column) __attribute__((always_inline)) {
    return Tile{
        u.a + row * u.row_stride,        u.row_stride, u.inner_stride, u.b + column, u.columns,
        u.y + row * u.y_stride + column, u.y_stride,   u.inner};
  };
  std::int64_t column = 0;
  for (; column + kVectors * kLanes <= u.columns; column += kVectors * kLanes)
    add_tile<Vector, kRows, kVectors>(tile_of(column), false);
  for (; column + kLanes <= u.columns; column += kLanes)
    add_tile<Vector, kRows, 1>(tile_of(column), false);
  if (column < u.columns)
    for (int r = 0; r < kRows; ++r) update_rest(u, row + r, column);
}

template <class Vector, int kRows, int kVectors>
[[gnu::always_inline]] inline void update_body(const ThinUpdate& u, std::int64_t begin,
                                               std::int64_t end) {
  std::int64_t row = begin;
  for (; row + kRows <= end; row += kRows) update_rows<Vector, kRows, kVectors>(u, row);
  for (; row < end; ++row) update_rows<Vector, 1, kVectors>(u, row);
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]] void product_avx512(
    const ThinProduct& p, std::int64_t begin, std::int64_t end) {
  product_wide(p, begin, end);
}
[[gnu::target("avx2,fma,bmi2")]] void product_avx2(const ThinProduct& p, std::int64_t begin,
                                                   std::int64_t end) {
  product_narrow(p, begin, end);
}
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]] void update_avx512(
    const ThinUpdate& u, std::int64_t begin, std::int64_t end) {
  update_body<Floats, 6, 4>(u, begin, end);
}
[[gnu::target("avx2,fma,bmi2")]] void update_avx2(const ThinUpdate& u, std::int64_t begin,
                                                  std::int64_t end) {
  update_body<HalfFloats, kNarrowRows, 2>(u, begin, end);
}
#endif

template <class, int kBytes>
[[gnu::always_inline]] inline void transpose_body(const Transposition& t, std::int64_t begin,
                                                  std::int64_t end) {
  using Vector = simd::Register<float, kBytes>;
  constexpr int kSide = kLanesOf<Vector>;
  for (std::int64_t group = begin; group < end; ++group)
    for (std::int64_t row = group * kWidth; row < std::min((group + 1) * kWidth, t.rows);
         row += kSide)
      for (std::int64_t column = 0; column < t.columns; column += kSide) {
        const std::int64_t high = std::min<std::int64_t>(kSide, t.rows - row);
        const std::int64_t wide = std::min<std::int64_t>(kSide, t.columns - column);
        const float* from = t.x + row * t.x_stride + column;
        float* to = t.y + column * t.y_stride + row;
        if (high == kSide && wide == kSide) {
          simd::transpose_square<Vector>(from, t.x_stride, to, t.y_stride);
        } else {
          for (std::int64_t c = 0; c < wide; ++c)
            for (std::int64_t r = 0; r < high; ++r)
              to[c * t.y_stride + r] = from[r * t.x_stride + c];
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
  product_narrow(p, begin, end);
}

void thin_update(const ThinUpdate& u, std::int64_t begin, std::int64_t end) {
#if defined(__x86_64__)
  const CpuLevel level = cpu_level();
  if (level == CpuLevel::avx512) return update_avx512(u, begin, end);
  if (level == CpuLevel::avx2) return update_avx2(u, begin, end);
#endif
  update_body<HalfFloats, kNarrowRows, 2>(u, begin, end);
}

LLDM_CPU_CLONES_BY_REGISTER(transpose, Transposition, float)

}  // namespace lldm
