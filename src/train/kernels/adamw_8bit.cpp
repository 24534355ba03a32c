// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <type_traits>

#include "model/kernels/clones.hpp"
#include "train/dynamic_codes.hpp"
#include "train/kernels/adamw.hpp"
#include "train/kernels/update.hpp"

namespace lldm {
namespace {

constexpr int kBlock = kDynamicBlockNumbers;
static_assert(kBlock == kRandomGroup);

/// Places among the magnitudes of a map, 0 for 0, of x in [0, 1].
[[gnu::always_inline]] inline std::int32_t place_of(float x, const std::int32_t* codes,
                                                    const float* middles) {
  std::int32_t bucket = std::bit_cast<std::int32_t>(x) >> kDynamicShift;
  bucket = bucket < kDynamicFirst ? 0 : bucket - kDynamicFirst;
  const std::int32_t below = codes[bucket];
  return below + (x > middles[below] ? 1 : 0);
}

[[gnu::always_inline]] inline float divisor(float largest) { return largest > 0 ? largest : 1; }

struct Block {
  float first[kBlock], second[kBlock];
};

[[gnu::always_inline]] inline void encode(const DynamicTables& tables, const Block& block,
                                          std::int64_t count, std::uint8_t* first,
                                          std::uint8_t* second, float& first_scale,
                                          float& second_scale) {
  float largest_first = 0, largest_second = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float magnitude = std::abs(block.first[i]);
    largest_first = magnitude > largest_first ? magnitude : largest_first;
    largest_second = block.second[i] > largest_second ? block.second[i] : largest_second;
  }
  first_scale = largest_first, second_scale = largest_second;
  const float by_first = divisor(largest_first), by_second = divisor(largest_second);
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = block.first[i] / by_first;
    std::int32_t place = place_of(std::abs(x), tables.first_codes, tables.first_middles);
    const bool is_negative = x < 0;
    if (is_negative && place > kSignedZero) place = kSignedZero;  // the map has no -1
    first[i] = static_cast<std::uint8_t>(is_negative ? kSignedZero - place : kSignedZero + place);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = block.second[i] / by_second;
    std::int32_t place = place_of(x, tables.second_codes, tables.second_middles);
    if (place == 0 && x > 0) place = 1;
    second[i] = static_cast<std::uint8_t>(place);
  }
}

template <class T>
[[gnu::always_inline]] inline void write(const AdamW8BitBlocks<T>& in, std::int64_t block,
                                         std::int64_t count, const float* w) {
  T* value = in.value + block * kBlock;
  if constexpr (std::is_same_v<T, float>) {
    for (std::int64_t i = 0; i < count; ++i) value[i] = w[i];
  } else if (in.is_stochastic) {
    std::uint32_t low[kRandomGroup], high[kRandomGroup];
    random_bits(in.place, block, low, high);
    for (std::int64_t i = 0; i < count; ++i) value[i] = rounded(w[i], low[i] & 0xffffU);
  } else {
    for (std::int64_t i = 0; i < count; ++i) value[i] = nearest(w[i]);
  }
}

template <class T>
[[gnu::always_inline]] inline void adamw_8bit_body(const AdamW8BitBlocks<T>& in, std::int64_t begin,
                                                   std::int64_t end) {
  const AdamWFactors f = in.factors;
  for (std::int64_t b = begin; b < end; ++b) {
    const std::int64_t at = b * kBlock;
    const std::int64_t count = in.count - at < kBlock ? in.count - at : kBlock;
    Block block;
    float w[kBlock];
    for (std::int64_t i = 0; i < count; ++i) {
      block.first[i] = in.tables.first_values[in.first[at + i]] * in.first_scale[b];
      block.second[i] = in.tables.second_values[in.second[at + i]] * in.second_scale[b];
    }
    for (std::int64_t i = 0; i < count; ++i) {
      w[i] = updated(f, widened(in.value[at + i]), widened(in.gradient[at + i]), block.first[i],
                     block.second[i]);
      in.gradient[at + i] = 0;
    }
    write(in, b, count, w);
    encode(in.tables, block, count, in.first + at, in.second + at, in.first_scale[b],
           in.second_scale[b]);
  }
}

using Float32Blocks = AdamW8BitBlocks<float>;
using Bfloat16Blocks = AdamW8BitBlocks<std::uint16_t>;

[[gnu::always_inline]] inline void float32_blocks_body(const Float32Blocks& in, std::int64_t begin,
                                                       std::int64_t end) {
  adamw_8bit_body(in, begin, end);
}
[[gnu::always_inline]] inline void bfloat16_blocks_body(const Bfloat16Blocks& in,
                                                        std::int64_t begin, std::int64_t end) {
  adamw_8bit_body(in, begin, end);
}
LLDM_CPU_CLONES(float32_blocks, Float32Blocks)
LLDM_CPU_CLONES(bfloat16_blocks, Bfloat16Blocks)

}  // namespace

void adamw_8bit(const AdamW8BitBlocks<float>& in, std::int64_t begin, std::int64_t end) {
  float32_blocks(in, begin, end);
}

void adamw_8bit(const AdamW8BitBlocks<std::uint16_t>& in, std::int64_t begin, std::int64_t end) {
  bfloat16_blocks(in, begin, end);
}

}  // namespace lldm
