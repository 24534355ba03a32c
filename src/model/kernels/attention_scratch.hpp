// SPDX-License-Identifier: MIT
// What both attention kernels share: a unit's place in the packed rows, rotated and transposed
// copies, and the two inner products.  "Transposed" arrays are [W][padded]: one lane per row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/kernels/attention.hpp"
#include "model/kernels/simd.hpp"

namespace lldm::attention {

using simd::kLanes;
using simd::load;
using simd::store;
using simd::Vec;

template <class T>
[[gnu::always_inline]] inline std::int64_t padded(std::int64_t count) {
  return (count + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

/// One key head of one sequence.
struct Unit {
  std::int64_t first_row, length, kv_head;
  std::int64_t stride, key_offset, value_offset,
      out_stride;      // in elements, within a row of qkv and of out
  std::int64_t group;  // query heads that read this key head
};

template <class T>
[[gnu::always_inline]] inline Unit unit_of(const AttentionArgs<T>& a, std::int64_t index) {
  const std::int64_t sequence = index / a.kv_heads, head = index % a.kv_heads, width = a.head_width;
  return {a.offsets[sequence],
          a.offsets[sequence + 1] - a.offsets[sequence],
          head,
          (a.heads + 2 * a.kv_heads) * width,
          (a.heads + head) * width,
          (a.heads + a.kv_heads + head) * width,
          a.heads * width,
          a.heads / a.kv_heads};
}

/// The positions of a sequence that may be attended to.
template <class T>
inline void visible_rows(const AttentionArgs<T>& a, const Unit& unit,
                         std::vector<std::int64_t>& rows) {
  rows.clear();
  for (std::int64_t i = 0; i < unit.length; ++i)
    if (!a.visible || a.visible[unit.first_row + i]) rows.push_back(i);
}

/// Rotates one head's row to `row_major` (packed [.., W]) and to lane `lane` of `transposed`;
/// either may be null.
template <class T>
[[gnu::always_inline]] inline void rotate_row(const AttentionArgs<T>& a, const T* from,
                                              std::int64_t position, std::int64_t width, T factor,
                                              T* row_major, T* transposed, std::int64_t lanes) {
  const std::int64_t half = width / 2;
  const T* cosines = a.cosines + position * half;
  const T* sines = a.sines + position * half;
  for (std::int64_t d = 0; d < half; ++d) {
    const T first = (from[d] * cosines[d] - from[d + half] * sines[d]) * factor;
    const T second = (from[d + half] * cosines[d] + from[d] * sines[d]) * factor;
    if (row_major) row_major[d] = first, row_major[d + half] = second;
    if (transposed) transposed[d * lanes] = first, transposed[(d + half) * lanes] = second;
  }
}

/// Turns a gradient back: the rotation's transpose, read from lane `lane` of a transposed array.
template <class T>
[[gnu::always_inline]] inline void unrotate_row(const AttentionArgs<T>& a, const T* transposed,
                                                std::int64_t lanes, std::int64_t position,
                                                std::int64_t width, T factor, T* to) {
  const std::int64_t half = width / 2;
  const T* cosines = a.cosines + position * half;
  const T* sines = a.sines + position * half;
  for (std::int64_t d = 0; d < half; ++d) {
    const T first = transposed[d * lanes] * factor,
            second = transposed[(d + half) * lanes] * factor;
    to[d] = first * cosines[d] + second * sines[d];
    to[d + half] = second * cosines[d] - first * sines[d];
  }
}

/// out[r] = sum_d transposed[d][lanes] * rows[r][d] for R rows at once: one lane per column of
/// `transposed`.
template <class T, int R>
[[gnu::always_inline]] inline void dot_rows(const T* transposed, std::int64_t lanes, const T* rows,
                                            std::int64_t stride, std::int64_t width, Vec<T>* out) {
  for (int r = 0; r < R; ++r) out[r] = Vec<T>{};
  for (std::int64_t d = 0; d < width; ++d) {
    const Vec<T> column = load(transposed + d * lanes);
    for (int r = 0; r < R; ++r) out[r] += column * rows[r * stride + d];
  }
}

/// transposed[d][lanes] += sum_r weights[r] * rows[r][d]: `weights` holds one vector per row.
template <class T, int D>
[[gnu::always_inline]] inline void add_weighted_columns(const T* weights, const T* rows,
                                                        std::int64_t stride, std::int64_t count,
                                                        T* transposed, std::int64_t lanes) {
  Vec<T> sums[D];
  for (int d = 0; d < D; ++d) sums[d] = load(transposed + d * lanes);
  for (std::int64_t r = 0; r < count; ++r) {
    const Vec<T> weight = load(weights + r * kLanes<T>);
    for (int d = 0; d < D; ++d) sums[d] += weight * rows[r * stride + d];
  }
  for (int d = 0; d < D; ++d) store(transposed + d * lanes, sums[d]);
}

template <class T>
[[gnu::always_inline]] inline void add_weighted(const T* weights, const T* rows,
                                                std::int64_t stride, std::int64_t count,
                                                std::int64_t width, T* transposed,
                                                std::int64_t lanes) {
  std::int64_t d = 0;
  for (; d + 8 <= width; d += 8)
    add_weighted_columns<T, 8>(weights, rows + d, stride, count, transposed + d * lanes, lanes);
  for (; d < width; ++d)
    add_weighted_columns<T, 1>(weights, rows + d, stride, count, transposed + d * lanes, lanes);
}

}  // namespace lldm::attention
