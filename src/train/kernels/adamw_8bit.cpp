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

constexpr std::int32_t kMagnitude = 0x7fffffff;

struct Block {
  float first[kBlock], second[kBlock];
};

/// The largest magnitude; of bits, whose maximum takes vectors where that of floats would not.
[[gnu::always_inline]] inline float largest_of(const float* x) {
  std::int32_t largest = 0;
  for (int i = 0; i < kBlock; ++i) {
    const std::int32_t bits = std::bit_cast<std::int32_t>(x[i]) & kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  return std::bit_cast<float>(largest);
}

/// Places among the magnitudes of a map, 0 for 0, of |x| / divisor in [0, 1].
[[gnu::always_inline]] inline void places_of(const float* x, float divisor,
                                             const std::int32_t* __restrict codes,
                                             const float* __restrict middles,
                                             std::int32_t* __restrict places) {
  for (int i = 0; i < kBlock; ++i) {
    const float share = std::abs(x[i] / divisor);
    const std::int32_t bucket =
        (std::bit_cast<std::int32_t>(share) >> kDynamicShift) - kDynamicFirst;
    const std::int32_t below = codes[bucket < 0 ? 0 : bucket];
    places[i] = below + (share > middles[below] ? 1 : 0);
  }
}

/// All 256 numbers, of which a short block fills the last ones with zeros.
[[gnu::always_inline]] inline void encode(const DynamicTables& tables, const Block& block,
                                          std::int32_t* __restrict first,
                                          std::int32_t* __restrict second, float& first_scale,
                                          float& second_scale) {
  first_scale = largest_of(block.first), second_scale = largest_of(block.second);
  places_of(block.first, first_scale > 0 ? first_scale : 1, tables.first_codes,
            tables.first_middles, first);
  places_of(block.second, second_scale > 0 ? second_scale : 1, tables.second_codes,
            tables.second_middles, second);
  for (int i = 0; i < kBlock; ++i) {
    const std::int32_t most = first[i] > kSignedZero ? kSignedZero : first[i];  // there is no -1
    first[i] = block.first[i] < 0 ? kSignedZero - most : kSignedZero + first[i];
    second[i] = second[i] == 0 && block.second[i] > 0 ? 1 : second[i];
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

[[gnu::always_inline]] inline void decode(const float* __restrict values,
                                          const std::uint8_t* __restrict codes, float scale,
                                          std::int64_t count, float* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = values[codes[i]] * scale;
}

template <class T>
[[gnu::always_inline]] inline void adamw_8bit_body(const AdamW8BitBlocks<T>& in, std::int64_t begin,
                                                   std::int64_t end) {
  const AdamWFactors f = in.factors;
  for (std::int64_t b = begin; b < end; ++b) {
    const std::int64_t at = b * kBlock;
    const std::int64_t count = in.count - at < kBlock ? in.count - at : kBlock;
    Block block{};
    float w[kBlock];
    decode(in.tables.first_values, in.first + at, in.first_scale[b], count, block.first);
    decode(in.tables.second_values, in.second + at, in.second_scale[b], count, block.second);
    const T* __restrict value = in.value + at;
    T* __restrict gradient = in.gradient + at;
    for (std::int64_t i = 0; i < count; ++i) {
      w[i] = updated(f, widened(value[i]), widened(gradient[i]), block.first[i], block.second[i]);
      gradient[i] = 0;
    }
    write(in, b, count, w);
    std::int32_t first[kBlock], second[kBlock];
    encode(in.tables, block, first, second, in.first_scale[b], in.second_scale[b]);
    for (std::int64_t i = 0; i < count; ++i) {
      in.first[at + i] = static_cast<std::uint8_t>(first[i]);
      in.second[at + i] = static_cast<std::uint8_t>(second[i]);
    }
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
