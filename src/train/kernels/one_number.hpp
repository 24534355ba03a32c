// SPDX-License-Identifier: MIT
// One number's update, and bfloat16 as its bits: always inlined into the CPU's clones, and compiled
// for GPUs, too (adamw.cu).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "train/kernels/adamw.hpp"

namespace lldm {

/// The new weight; moments are updated in place.
[[gnu::always_inline]] constexpr inline float updated(const AdamWFactors& f, float value,
                                                      float gradient, float& first, float& second) {
  const float g = gradient * f.scale;
  const float m = first + (g - first) * f.first_share;
  const float v = second * f.beta2 + (g * g) * f.second_share;
  first = m, second = v;
  return value * f.keep - (m / (std::sqrt(v) * f.inverse_root + f.epsilon)) * f.rate;
}

[[gnu::always_inline]] constexpr inline float widened(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
[[gnu::always_inline]] constexpr inline float widened(float number) { return number; }

/// Up or down to a bfloat16, by a uniform draw of 16 bits.
[[gnu::always_inline]] constexpr inline std::uint16_t rounded(float number, std::uint32_t draw) {
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(number) + draw) >> 16);
}

/// The nearest bfloat16, ties to even; of finite numbers.
[[gnu::always_inline]] constexpr inline std::uint16_t nearest(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

/// One bfloat16 number of AdamW's, all three rounded by the bits of random_block.
[[gnu::always_inline]] constexpr inline void update_bfloat16(
    const AdamWFactors& f, std::uint16_t& value, std::uint16_t& gradient, std::uint16_t& first,
    std::uint16_t& second, std::uint32_t low, std::uint32_t high) {
  float m = widened(first), v = widened(second);
  const float w = updated(f, widened(value), widened(gradient), m, v);
  value = rounded(w, low & 0xffffU);
  first = rounded(m, low >> 16);
  second = rounded(v, high & 0xffffU);
  gradient = 0;
}

}  // namespace lldm
