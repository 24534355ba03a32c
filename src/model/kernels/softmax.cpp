// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/kernels/clones.hpp"
#include "model/kernels/rows.hpp"
#include "model/kernels/simd.hpp"

namespace lldm {
namespace {

using simd::kLanes;
using simd::Lanes;
using simd::load;
using simd::store;

// Sums are made of blocks of this many numbers: a lane adds few of about equal size.
constexpr std::int64_t kBlock = 1024;

template <class T, int kBytes>
[[gnu::always_inline]] inline T largest_of(const T* row, std::int64_t count) {
  using V = Lanes<T, kBytes>;
  const std::int64_t whole = count - count % kLanes<T>;
  V several = simd::broadcast<V>(std::numeric_limits<T>::lowest());
  for (std::int64_t v = 0; v < whole; v += kLanes<T>)
    several = simd::max(several, load<V>(row + v));
  alignas(64) T lanes[kLanes<T>];
  store(lanes, several);
  T largest = std::numeric_limits<T>::lowest();
  for (const T lane : lanes) largest = std::max(largest, lane);
  for (std::int64_t v = whole; v < count; ++v) largest = std::max(largest, row[v]);
  return largest;
}

/// Puts e^(x - largest) in x's place where `is_kept`; returns their sum.
template <class T, int kBytes, bool is_kept>
[[gnu::always_inline]] inline T exponentials(T* row, std::int64_t count, T largest) {
  using V = Lanes<T, kBytes>;
  T total = 0;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, count - begin), whole = size - size % kLanes<T>;
    T* block = row + begin;
    V sums{};
    for (std::int64_t v = 0; v < whole; v += kLanes<T>) {
      const V value = simd::exp(load<V>(block + v) - largest);
      if constexpr (is_kept) store(block + v, value);
      sums += value;
    }
    if (const std::int64_t rest = size - whole; rest > 0) {
      alignas(64) T values[kLanes<T>];
      store(values, simd::exp(simd::load_some<V>(block + whole, rest) - largest));
      if constexpr (is_kept) std::copy_n(values, rest, block + whole);
      for (std::int64_t v = 0; v < rest; ++v) total += values[v];
    }
    total += simd::sum<T>(sums);
  }
  return total;
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void softmax_slope_body(const SoftmaxSlope<T>& a, std::int64_t begin,
                                                      std::int64_t end) {
  using V = Lanes<T, kBytes>;
  const std::int64_t count = a.vocabulary, whole = count - count % kLanes<T>;
  for (std::int64_t r = begin; r < end; ++r) {
    T* row = a.logits + r * count;
    if (a.excluded >= 0) row[a.excluded] = std::numeric_limits<T>::lowest();
    const T largest = largest_of<T, kBytes>(row, count);
    const T above = row[a.targets[r]] - largest;
    const T total = a.wants_slope ? exponentials<T, kBytes, true>(row, count, largest)
                                  : exponentials<T, kBytes, false>(row, count, largest);
    a.chosen[r] = above - std::log(total);
    if (!a.wants_slope) continue;
    const T inverse = T(1) / total;
    for (std::int64_t v = 0; v < whole; v += kLanes<T>) store(row + v, load<V>(row + v) * inverse);
    for (std::int64_t v = whole; v < count; ++v) row[v] *= inverse;
    if (a.excluded >= 0) row[a.excluded] = 0;
    row[a.targets[r]] -= T(1);
  }
}

}  // namespace

LLDM_CPU_CLONES_BY_REGISTER(softmax_slope, SoftmaxSlope<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(softmax_slope, SoftmaxSlope<double>, double)

}  // namespace lldm
