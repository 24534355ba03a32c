// SPDX-License-Identifier: MIT
// What both attention kernels share: a unit's place in the matrices, padded copies of one head's
// features, and the two inner products.  Copies are [W][padded]: one lane per token, `padded` a
// multiple of the lanes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "model/kernels/attention.hpp"
#include "model/kernels/simd.hpp"

namespace lldm::attention {

using simd::kLanes;
using simd::load;
using simd::store;
using simd::Vec;

inline constexpr double kLog2E = 1.44269504088896340736;

template <class T>
[[gnu::always_inline]] inline std::int64_t padded(std::int64_t count) {
  return (count + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

/// One key head of one sequence.
struct Unit {
  std::int64_t first, length;      // columns
  std::int64_t left;               // columns of the whole pack from the first on
  std::int64_t query, key, value;  // first feature rows; `query` of the group's first head
  std::int64_t first_head, group;  // query heads that read this key head
};

template <class T>
[[gnu::always_inline]] inline Unit unit_of(const AttentionArgs<T>& a, std::int64_t index) {
  const std::int64_t sequence = index / a.kv_heads, head = index % a.kv_heads,
                     group = a.heads / a.kv_heads;
  const std::int64_t first = a.is_interleaved ? head * (group + 2) : head * group;
  const std::int64_t key = a.is_interleaved ? first + group : a.heads + head;
  const std::int64_t value = a.is_interleaved ? key + 1 : a.heads + a.kv_heads + head;
  return {a.offsets[sequence],
          a.offsets[sequence + 1] - a.offsets[sequence],
          a.columns - a.offsets[sequence],
          first * a.head_width,
          key * a.head_width,
          value * a.head_width,
          head * group,
          group};
}

/// The positions of a sequence that may be attended to; empty if all of them.
template <class T>
inline void hidden_aware_keys(const AttentionArgs<T>& a, const Unit& unit,
                              std::vector<std::int64_t>& keys) {
  keys.clear();
  if (!a.visible) return;
  for (std::int64_t i = 0; i < unit.length; ++i)
    if (a.visible[unit.first + i]) keys.push_back(i);
  if (static_cast<std::int64_t>(keys.size()) == unit.length) keys.clear();
}

template <class T>
[[gnu::always_inline]] inline void grow(std::vector<T>& memory, std::int64_t size) {
  if (static_cast<std::int64_t>(memory.size()) < size)
    memory.resize(static_cast<std::size_t>(size));
}

/// A register of a feature row, of which `left` columns lie in memory: zeros behind them.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_columns(const T* from, std::int64_t left) {
  return left >= kLanes<T> ? load(from) : simd::load_some(from, left);
}

/// Copies `width` feature rows of a unit's tokens; `left` columns lie in memory from its first on.
template <class T>
[[gnu::always_inline]] inline void copy_features(const T* from, std::int64_t stride,
                                                 std::int64_t width, std::int64_t lanes,
                                                 std::int64_t left, T* to) {
  for (std::int64_t d = 0; d < width; ++d)
    for (std::int64_t i = 0; i < lanes; i += kLanes<T>)
      store(to + d * lanes + i, load_columns<T>(from + d * stride + i, left - i));
}

/// Copies and rotates: (a, b) -> (a cos - b sin, b cos + a sin) * factor, with the halves a and b
/// of a head.
template <class T>
[[gnu::always_inline]] inline void rotate_features(const AttentionArgs<T>& a, const T* from,
                                                   std::int64_t width, std::int64_t lanes,
                                                   std::int64_t left, T factor, T* to) {
  const std::int64_t half = width / 2;
  for (std::int64_t d = 0; d < half; ++d)
    for (std::int64_t i = 0; i < lanes; i += kLanes<T>) {
      const Vec<T> cosine = load(a.cosines + d * a.table_stride + i),
                   sine = load(a.sines + d * a.table_stride + i);
      const Vec<T> first = load_columns<T>(from + d * a.stride + i, left - i),
                   second = load_columns<T>(from + (d + half) * a.stride + i, left - i);
      store(to + d * lanes + i, (first * cosine - second * sine) * factor);
      store(to + (d + half) * lanes + i, (second * cosine + first * sine) * factor);
    }
}

/// Turns gradients back (the transpose of the rotation), in place, times factor.
template <class T>
[[gnu::always_inline]] inline void unrotate_features(const AttentionArgs<T>& a, std::int64_t width,
                                                     std::int64_t lanes, T factor, T* values) {
  const std::int64_t half = width / 2;
  for (std::int64_t d = 0; d < half; ++d)
    for (std::int64_t i = 0; i < lanes; i += kLanes<T>) {
      const Vec<T> cosine = load(a.cosines + d * a.table_stride + i),
                   sine = load(a.sines + d * a.table_stride + i);
      const Vec<T> first = load(values + d * lanes + i) * factor,
                   second = load(values + (d + half) * lanes + i) * factor;
      store(values + d * lanes + i, first * cosine + second * sine);
      store(values + (d + half) * lanes + i, second * cosine - first * sine);
    }
}

/// Keeps the listed columns only, packed to the left; columns behind them become zero.
template <class T>
inline void keep_columns(const std::vector<std::int64_t>& columns, std::int64_t width,
                         std::int64_t lanes, T* values) {
  for (std::int64_t d = 0; d < width; ++d) {
    T* row = values + d * lanes;
    for (std::size_t j = 0; j < columns.size(); ++j) row[j] = row[columns[j]];
    std::fill(row + columns.size(), row + lanes, T(0));
  }
}

/// The reverse: columns go back to their places, the others become zero.
template <class T>
inline void spread_columns(const std::vector<std::int64_t>& columns, std::int64_t width,
                           std::int64_t lanes, T* values) {
  for (std::int64_t d = 0; d < width; ++d) {
    T* row = values + d * lanes;
    std::int64_t from = static_cast<std::int64_t>(columns.size()) - 1;
    for (std::int64_t i = lanes - 1; i >= 0; --i)
      row[i] = from >= 0 && columns[static_cast<std::size_t>(from)] == i ? row[from--] : T(0);
  }
}

/// Writes a unit's columns, and not one more.
template <class T>
[[gnu::always_inline]] inline void write_features(const T* from, std::int64_t lanes,
                                                  std::int64_t width, std::int64_t length, T* to,
                                                  std::int64_t stride) {
  const std::int64_t whole = length - length % kLanes<T>;
  for (std::int64_t d = 0; d < width; ++d) {
    for (std::int64_t i = 0; i < whole; i += kLanes<T>)
      store(to + d * stride + i, load(from + d * lanes + i));
    for (std::int64_t i = whole; i < length; ++i) to[d * stride + i] = from[d * lanes + i];
  }
}

/// out[r] = sum_d lane_side[d][.] * row_side[d][r], for R columns of `row_side` at once.
template <class T, int kBytes, int R>
[[gnu::always_inline]] inline void dot_columns(const T* lane_side, std::int64_t lane_stride,
                                               const T* row_side, std::int64_t row_stride,
                                               std::int64_t width, Vec<T>* out) {
  using Part = simd::Register<T, kBytes>;
  constexpr int kPartLanes = sizeof(Part) / sizeof(T);
#pragma GCC unroll 2
  for (int first = 0; first < kLanes<T>; first += kPartLanes) {
    Part sums[R] = {};
    for (std::int64_t d = 0; d < width; ++d) {
      const Part feature = simd::load_register<Part>(lane_side + d * lane_stride + first);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sums[r] += feature * row_side[d * row_stride + r];
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      std::memcpy(reinterpret_cast<T*>(&out[r]) + first, &sums[r], sizeof(Part));
  }
}

/// sums[d][.] += sum_r weights[r][.] * row_side[d][r] for D features.
template <class T, int kBytes, int D>
[[gnu::always_inline]] inline void add_weighted_features(const T* weights, const T* row_side,
                                                         std::int64_t row_stride,
                                                         std::int64_t count, T* sums,
                                                         std::int64_t lanes) {
  using Part = simd::Register<T, kBytes>;
  constexpr int kPartLanes = sizeof(Part) / sizeof(T);
#pragma GCC unroll 2
  for (int first = 0; first < kLanes<T>; first += kPartLanes) {
    Part totals[D];
#pragma GCC unroll 8
    for (int d = 0; d < D; ++d) totals[d] = simd::load_register<Part>(sums + d * lanes + first);
    for (std::int64_t r = 0; r < count; ++r) {
      const Part weight = simd::load_register<Part>(weights + r * kLanes<T> + first);
#pragma GCC unroll 8
      for (int d = 0; d < D; ++d) totals[d] += weight * row_side[d * row_stride + r];
    }
#pragma GCC unroll 8
    for (int d = 0; d < D; ++d) std::memcpy(sums + d * lanes + first, &totals[d], sizeof(Part));
  }
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void add_weighted(const T* weights, const T* row_side,
                                                std::int64_t row_stride, std::int64_t count,
                                                std::int64_t width, T* sums, std::int64_t lanes) {
  std::int64_t d = 0;
  for (; d + 8 <= width; d += 8)
    add_weighted_features<T, kBytes, 8>(weights, row_side + d * row_stride, row_stride, count,
                                        sums + d * lanes, lanes);
  for (; d < width; ++d)
    add_weighted_features<T, kBytes, 1>(weights, row_side + d * row_stride, row_stride, count,
                                        sums + d * lanes, lanes);
}

}  // namespace lldm::attention
