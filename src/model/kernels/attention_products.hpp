// SPDX-License-Identifier: MIT
// The two inner products of attention, over panels of operands, in a clone's registers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "model/kernels/attention_operands.hpp"

namespace lldm::attention {

/// A clone's registers: kParts of them hold a token register's lanes, and sums of kRows tokens or
/// kFeatures features fill what there is (16 registers with AVX2, 32 with AVX-512).
template <class T, int kBytes>
struct Registers {
  using Part = simd::Register<T, kBytes>;
  static constexpr int kPartLanes = sizeof(Part) / sizeof(T), kParts = kLanes<T> / kPartLanes,
                       kRows = std::min(16 / kParts / kParts, kLanes<T>), kFeatures = kRows;
};

/// out[r] = sum_d lane_side[d][.] * row_side[d][r] for kRows tokens of a panel from `row_side` on;
/// both sides made by pair_features.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void dot_columns(const T* lane_side, const T* row_side,
                                               std::int64_t width, T* out) {
  using R = Registers<T, kBytes>;
  typename R::Part sums[R::kRows][R::kParts] = {};
  for (std::int64_t d = 0; d < width / kPaired<kOf> * kLanes<T>; d += kLanes<T>) {
    typename R::Part features[R::kParts];
#pragma GCC unroll 2
    for (int p = 0; p < R::kParts; ++p)
      features[p] = load<typename R::Part>(lane_side + d + p * R::kPartLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R::kRows; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < R::kParts; ++p)
        sums[r][p] = multiply_add<kOf>(sums[r][p], row_side + d + r, features[p]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R::kRows; ++r)
#pragma GCC unroll 2
    for (int p = 0; p < R::kParts; ++p)
      std::memcpy(out + r * kLanes<T> + p * R::kPartLanes, &sums[r][p], sizeof(typename R::Part));
}

/// Between two features of a panel that pair_tokens made.
template <class T, Operands kOf>
inline constexpr std::int64_t kFeatureStep = kLanes<T> / kPaired<kOf>;

/// sums[d][.] += sum_r weights[r][.] * row_side[d][r] for D features and `count` tokens, or pairs
/// of them, of a panel.
template <class T, int kBytes, Operands kOf, int D>
[[gnu::always_inline]] inline void add_weighted_panel(
    const T* weights, const T* row_side, std::int64_t count,
    typename Registers<T, kBytes>::Part (&sums)[D][Registers<T, kBytes>::kParts]) {
  using R = Registers<T, kBytes>;
  for (std::int64_t r = 0; r < count; ++r) {
    typename R::Part weight[R::kParts];
#pragma GCC unroll 2
    for (int p = 0; p < R::kParts; ++p)
      weight[p] = load<typename R::Part>(weights + r * kLanes<T> + p * R::kPartLanes);
#pragma GCC unroll 16
    for (int d = 0; d < D; ++d)
#pragma GCC unroll 2
      for (int p = 0; p < R::kParts; ++p)
        sums[d][p] =
            multiply_add<kOf>(sums[d][p], row_side + d * kFeatureStep<T, kOf> + r, weight[p]);
  }
}

/// The same of all panels that hold `count` of them, added to what `sums` holds.
template <class T, int kBytes, Operands kOf, int D>
[[gnu::always_inline]] inline void add_weighted_features(const T* weights, const T* row_side,
                                                         std::int64_t panel, std::int64_t count,
                                                         T* sums) {
  using R = Registers<T, kBytes>;
  constexpr std::int64_t kOfPanel = kLanes<T> / kPaired<kOf>;
  typename R::Part totals[D][R::kParts];
#pragma GCC unroll 16
  for (int d = 0; d < D; ++d)
#pragma GCC unroll 2
    for (int p = 0; p < R::kParts; ++p)
      totals[d][p] = load<typename R::Part>(sums + d * kLanes<T> + p * R::kPartLanes);
  for (std::int64_t r = 0; r < count; r += kOfPanel, row_side += panel)
    add_weighted_panel<T, kBytes, kOf, D>(weights + r * kLanes<T>, row_side,
                                          std::min<std::int64_t>(kOfPanel, count - r), totals);
#pragma GCC unroll 16
  for (int d = 0; d < D; ++d)
#pragma GCC unroll 2
    for (int p = 0; p < R::kParts; ++p)
      std::memcpy(sums + d * kLanes<T> + p * R::kPartLanes, &totals[d][p],
                  sizeof(typename R::Part));
}

/// sums[d][.] += sum_r weights[r][.] * row_side[d][r] for all features, r over `count` tokens; the
/// weights made by pair_rows, the other side by pair_tokens.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void add_weighted(const T* weights, const T* row_side,
                                                std::int64_t count, std::int64_t width, T* sums) {
  constexpr int kFeatures = Registers<T, kBytes>::kFeatures;
  constexpr std::int64_t kStep = kFeatureStep<T, kOf>;
  const std::int64_t panel = panel_size<T>(width), rows = (count + kPaired<kOf> - 1) / kPaired<kOf>;
  std::int64_t d = 0;
  for (; d + kFeatures <= width; d += kFeatures)
    add_weighted_features<T, kBytes, kOf, kFeatures>(weights, row_side + d * kStep, panel, rows,
                                                     sums + d * kLanes<T>);
  for (; d < width; ++d)
    add_weighted_features<T, kBytes, kOf, 1>(weights, row_side + d * kStep, panel, rows,
                                             sums + d * kLanes<T>);
}

}  // namespace lldm::attention
