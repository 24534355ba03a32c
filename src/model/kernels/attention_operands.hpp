// SPDX-License-Identifier: MIT
// What attention's products read: numbers as they are, rounded to bfloat16, or pairs of bfloat16
// that one instruction multiplies.  Operands are made in their place: a panel of pairs begins where
// the panel of numbers did (attention_parts.hpp).
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/kernels/attention_parts.hpp"
#include "model/kernels/bfloat16.hpp"

namespace lldm::attention {

enum class Operands : std::uint8_t { exact, rounded, pairs };

/// So many numbers make one that a product reads.
template <Operands kOf>
inline constexpr std::int64_t kPaired = kOf == Operands::pairs ? 2 : 1;

/// sum + row * lanes, of the row's number or pair.
template <Operands kOf, class Part, class T>
[[gnu::always_inline]] inline Part multiply_add(Part sum, const T* row, Part lanes) {
#if defined(__x86_64__)
  if constexpr (kOf == Operands::pairs) return simd::with_pair_products(sum, row, lanes);
#endif
  if constexpr (kOf != Operands::pairs) return sum + *row * lanes;
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void round_numbers(T* values, std::int64_t count) {
  using V = Lanes<T, kBytes>;
  for (std::int64_t i = 0; i < count; i += kLanes<T>)
    store(values + i, simd::rounded_to_bfloat16(load<V>(values + i)));
}

/// Rows of lanes, two of which make one of pairs: features of a panel, or weights of tokens.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void pair_rows(T* rows, std::int64_t count) {
  using V = Lanes<T, kBytes>;
  if constexpr (kOf == Operands::rounded) round_numbers<T, kBytes>(rows, count * kLanes<T>);
#if defined(__x86_64__)
  if constexpr (kOf == Operands::pairs)
    for (std::int64_t r = 0; r < count; r += 2) {
      const V low = load<V>(rows + r * kLanes<T>);
      const V high = r + 1 < count ? load<V>(rows + (r + 1) * kLanes<T>) : V{};
      store(rows + r / 2 * kLanes<T>, simd::pairs_of(low, high));
    }
#endif
}

/// Panels of `length` tokens for dot_columns: pairs of features.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void pair_features(T* panels, std::int64_t length,
                                                 std::int64_t width) {
  if constexpr (kOf != Operands::exact)
    for (std::int64_t i = 0; i < length; i += kLanes<T>)
      pair_rows<T, kBytes, kOf>(panels + panel_at<T>(i, width), width);
}

/// Panels of `length` tokens for add_weighted: pairs of tokens, half a register a feature, from
/// `from` to `to`, which may be the same.  What lies behind the last token becomes zero.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void pair_tokens(const T* from, std::int64_t length,
                                               std::int64_t width, T* to) {
  using V = Lanes<T, kBytes>;
  if constexpr (kOf == Operands::exact) return;
  for (std::int64_t i = 0; i < length; i += kLanes<T>) {
    const std::int64_t panel = panel_at<T>(i, width), left = length - i;
    const auto row = [&](std::int64_t d) __attribute__((always_inline)) {
      const T* at = from + panel + d * kLanes<T>;
      return left >= kLanes<T> ? load<V>(at) : simd::load_some<V>(at, left);
    };
    for (std::int64_t d = 0; d < width; d += kPaired<kOf>) {
      T* at = to + panel + d / kPaired<kOf> * kLanes<T>;
#if defined(__x86_64__)
      if constexpr (kOf == Operands::pairs) store(at, simd::narrowed(row(d), row(d + 1)));
#endif
      if constexpr (kOf == Operands::rounded) store(at, simd::rounded_to_bfloat16(row(d)));
    }
  }
}

}  // namespace lldm::attention
