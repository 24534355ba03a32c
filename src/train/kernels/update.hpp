// SPDX-License-Identifier: MIT
// One number's update, and bfloat16 as its bits: always inlined into the kernels' clones.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "train/kernels/adamw.hpp"

namespace lldm {

/// The new weight; moments are updated in place.
[[gnu::always_inline]] inline float updated(const AdamWFactors& f, float value, float gradient,
                                            float& first, float& second) {
  const float g = gradient * f.scale;
  const float m = first + (g - first) * f.first_share;
  const float v = second * f.beta2 + (g * g) * f.second_share;
  first = m, second = v;
  return value * f.keep - (m / (std::sqrt(v) * f.inverse_root + f.epsilon)) * f.rate;
}

[[gnu::always_inline]] inline float widened(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
[[gnu::always_inline]] inline float widened(float number) { return number; }

/// Up or down to a bfloat16, by a uniform draw of 16 bits.
[[gnu::always_inline]] inline std::uint16_t rounded(float number, std::uint32_t draw) {
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(number) + draw) >> 16);
}

/// The nearest bfloat16, ties to even; of finite numbers.
[[gnu::always_inline]] inline std::uint16_t nearest(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

/// Eight numbers at a time, and their sums in float64.
typedef float Narrow __attribute__((vector_size(32)));
typedef double Wide __attribute__((vector_size(64)));

[[gnu::always_inline]] inline Narrow eight(const float* x) {
  Narrow narrow;
  std::memcpy(&narrow, x, sizeof narrow);
  return narrow;
}
[[gnu::always_inline]] inline Narrow eight(const std::uint16_t* x) {
  Narrow narrow;
  for (int lane = 0; lane < 8; ++lane) narrow[lane] = widened(x[lane]);
  return narrow;
}

}  // namespace lldm
