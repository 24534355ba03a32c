// SPDX-License-Identifier: MIT
// What both attention kernels share: a unit's place in the matrices, and copies of one head's
// features in panels.
//
// A panel is the features of a register's tokens, [W][lanes], so that a product walks through
// memory without a gap whichever of its sides it spreads over lanes.  Panels lie panel_size apart:
// one row more than they need, or all panels of a power of two would share the cache's sets.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/kernels/attention.hpp"
#include "model/kernels/simd.hpp"

namespace lldm::attention {

using simd::kLanes;
using simd::Lanes;
using simd::load;
using simd::store;

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

template <class T>
[[gnu::always_inline]] inline std::int64_t panel_size(std::int64_t width) {
  return (width + 1) * kLanes<T>;
}

/// Numbers of all panels of a sequence.
template <class T>
[[gnu::always_inline]] inline std::int64_t panels_size(std::int64_t length, std::int64_t width) {
  return padded<T>(length) / kLanes<T> * panel_size<T>(width);
}

/// Where token i's first feature lies; i a multiple of the lanes.
template <class T>
[[gnu::always_inline]] inline std::int64_t panel_at(std::int64_t i, std::int64_t width) {
  return i / kLanes<T> * panel_size<T>(width);
}

/// A register of a feature row, of which `left` columns lie in memory: zeros behind them.
template <class T, int kBytes>
[[gnu::always_inline]] inline Lanes<T, kBytes> load_columns(const T* from, std::int64_t left) {
  using V = Lanes<T, kBytes>;
  return left >= kLanes<T> ? load<V>(from) : simd::load_some<V>(from, left);
}

/// A feature row of a pack is a page of its own: no processor fetches the next one by itself.
inline constexpr std::int64_t kRowsAhead = 4;

/// Copies `width` feature rows of a unit's tokens; `left` columns lie in memory from its first on.
template <class T, int kBytes>
[[gnu::always_inline]] inline void copy_features(const T* from, std::int64_t stride,
                                                 std::int64_t width, std::int64_t length,
                                                 std::int64_t left, T* to) {
  const std::int64_t panel = panel_size<T>(width);
  for (std::int64_t d = 0; d < width; ++d, from += stride) {
    T* at = to + d * kLanes<T>;
    for (std::int64_t i = 0; i < length; i += kLanes<T>, at += panel) {
      if (d + kRowsAhead < width) __builtin_prefetch(from + kRowsAhead * stride + i);
      store(at, load_columns<T, kBytes>(from + i, left - i));
    }
  }
}

/// Copies and rotates: (a, b) -> (a cos - b sin, b cos + a sin) * factor, with the halves a and b
/// of a head.
template <class T, int kBytes>
[[gnu::always_inline]] inline void rotate_features(const AttentionArgs<T>& a, const T* from,
                                                   std::int64_t width, std::int64_t length,
                                                   std::int64_t left, T factor, T* to) {
  using V = Lanes<T, kBytes>;
  const std::int64_t half = width / 2, panel = panel_size<T>(width), other = half * a.stride;
  for (std::int64_t d = 0; d < half; ++d, from += a.stride) {
    const T *cosines = a.cosines + d * a.table_stride, *sines = a.sines + d * a.table_stride;
    T* at = to + d * kLanes<T>;
    for (std::int64_t i = 0; i < length; i += kLanes<T>, at += panel) {
      if (const T* ahead = from + kRowsAhead * a.stride + i; d + kRowsAhead < half) {
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + other);
      }
      const V cosine = load<V>(cosines + i), sine = load<V>(sines + i);
      const V first = load_columns<T, kBytes>(from + i, left - i),
              second = load_columns<T, kBytes>(from + other + i, left - i);
      store(at, (first * cosine - second * sine) * factor);
      store(at + half * kLanes<T>, (second * cosine + first * sine) * factor);
    }
  }
}

/// Turns gradients back (the transpose of the rotation), in place, times factor.
template <class T, int kBytes>
[[gnu::always_inline]] inline void unrotate_features(const AttentionArgs<T>& a, std::int64_t width,
                                                     std::int64_t length, T factor, T* values) {
  using V = Lanes<T, kBytes>;
  const std::int64_t half = width / 2;
  for (std::int64_t d = 0; d < half; ++d)
    for (std::int64_t i = 0; i < length; i += kLanes<T>) {
      const V cosine = load<V>(a.cosines + d * a.table_stride + i),
              sine = load<V>(a.sines + d * a.table_stride + i);
      T* panel = values + panel_at<T>(i, width);
      const V first = load<V>(panel + d * kLanes<T>) * factor,
              second = load<V>(panel + (d + half) * kLanes<T>) * factor;
      store(panel + d * kLanes<T>, first * cosine + second * sine);
      store(panel + (d + half) * kLanes<T>, second * cosine - first * sine);
    }
}

/// A token's feature 0; the next one lies kLanes further.
template <class T>
[[gnu::always_inline]] inline std::int64_t column_at(std::int64_t i, std::int64_t width) {
  return panel_at<T>(i, width) + i % kLanes<T>;
}

/// Keeps the listed columns only, packed to the left.
template <class T>
inline void keep_columns(const std::vector<std::int64_t>& columns, std::int64_t width, T* values) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    T* to = values + column_at<T>(static_cast<std::int64_t>(j), width);
    const T* from = values + column_at<T>(columns[j], width);
    for (std::int64_t d = 0; d < width * kLanes<T>; d += kLanes<T>) to[d] = from[d];
  }
}

/// The reverse: columns go back to their places, the others become zero.
template <class T>
inline void spread_columns(const std::vector<std::int64_t>& columns, std::int64_t width,
                           std::int64_t length, T* values) {
  std::int64_t from = static_cast<std::int64_t>(columns.size()) - 1;
  for (std::int64_t i = length - 1; i >= 0; --i) {
    const bool is_kept = from >= 0 && columns[static_cast<std::size_t>(from)] == i;
    T* to = values + column_at<T>(i, width);
    const T* kept = values + column_at<T>(std::max<std::int64_t>(from, 0), width);
    for (std::int64_t d = 0; d < width * kLanes<T>; d += kLanes<T>)
      to[d] = is_kept ? kept[d] : T(0);
    from -= is_kept;
  }
}

/// Writes a unit's columns, and not one more.
template <class T, int kBytes>
[[gnu::always_inline]] inline void write_features(const T* from, std::int64_t width,
                                                  std::int64_t length, T* to, std::int64_t stride) {
  const std::int64_t whole = length - length % kLanes<T>, panel = panel_size<T>(width);
  for (std::int64_t d = 0; d < width; ++d, to += stride) {
    const T* at = from + d * kLanes<T>;
    for (std::int64_t i = 0; i < whole; i += kLanes<T>, at += panel) {
      if (d + kRowsAhead < width) __builtin_prefetch(to + kRowsAhead * stride + i, 1);
      store(to + i, load<Lanes<T, kBytes>>(at));
    }
    for (std::int64_t i = whole; i < length; ++i) to[i] = at[i - whole];
  }
}

}  // namespace lldm::attention
