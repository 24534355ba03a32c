// SPDX-License-Identifier: MIT
// AdamW on plain memory.  Every operation is rounded by itself (no fused multiply-add), so that the
// bits are the same on every processor.  Gradients are cleared in passing.
#pragma once

#include <cstdint>

#include "train/kernels/random_bits.hpp"

namespace lldm {

/// Of one step:  g *= scale;  m += (g - m) * first_share;  v = v * beta2 + g^2 * second_share;
/// w = w * keep - m / (sqrt(v) * inverse_root + epsilon) * rate.
struct AdamWFactors {
  float scale = 1, keep = 1, first_share = 0, beta2 = 0, second_share = 0, inverse_root = 1,
        epsilon = 0, rate = 0;
};

/// Numbers [begin, end) of one tensor.
struct AdamWFloat32 {
  AdamWFactors factors;
  float *value, *gradient, *first, *second;
};
void adamw_float32(const AdamWFloat32&, std::int64_t begin, std::int64_t end);

/// The same in bfloat16 (as its bits), computed in float32, all three rounded stochastically.
/// `begin` is a multiple of kRandomGroup.
struct AdamWBfloat16 {
  AdamWFactors factors;
  RandomPlace place;
  std::uint16_t *value, *gradient, *first, *second;
};
void adamw_bfloat16(const AdamWBfloat16&, std::int64_t begin, std::int64_t end);

/// The tables of train/dynamic_codes.hpp.
struct DynamicTables {
  const float* first_values;                       // [256] of the signed map
  const float* second_values;                      // [256] of the unsigned map
  const std::int32_t *first_codes, *second_codes;  // [kDynamicBuckets]
  const float *first_middles, *second_middles;
};

/// Blocks [begin, end) of 256 numbers of one tensor of `count`, in float32 or bfloat16.
template <class T>
struct AdamW8BitBlocks {
  AdamWFactors factors;
  DynamicTables tables;
  RandomPlace place;
  bool is_stochastic;  // rounding of a bfloat16 weight
  std::int64_t count;
  T *value, *gradient;
  std::uint8_t *first, *second;
  float *first_scale, *second_scale;
};
void adamw_8bit(const AdamW8BitBlocks<float>&, std::int64_t begin, std::int64_t end);
void adamw_8bit(const AdamW8BitBlocks<std::uint16_t>&, std::int64_t begin, std::int64_t end);

/// Weights in bfloat16 with float32 moments.  `begin` is a multiple of kRandomGroup.
struct AdamWMixed {
  AdamWFactors factors;
  RandomPlace place;
  bool is_stochastic;
  std::uint16_t *value, *gradient;
  float *first, *second;
};
void adamw_mixed(const AdamWMixed&, std::int64_t begin, std::int64_t end);

/// Float32 weights and moments of which the bfloat16 `value` is the nearest.
struct AdamWMaster {
  AdamWFactors factors;
  std::uint16_t* value;  // written alone
  const std::uint16_t* gradient;
  float *master, *first, *second;
};
void adamw_master(const AdamWMaster&, std::int64_t begin, std::int64_t end);

/// The sum of squares of numbers [begin, end), in float64, in a fixed order.
[[nodiscard]] double sum_of_squares(const float* x, std::int64_t begin, std::int64_t end);
/// Of bfloat16 numbers, as their bits.
[[nodiscard]] double sum_of_squares(const std::uint16_t* x, std::int64_t begin, std::int64_t end);

}  // namespace lldm
