// SPDX-License-Identifier: MIT
// bfloat16 in registers of float32: numbers rounded to it, and pairs of them, which AVX512-BF16
// multiplies.  A pair fills the 32 bits of a lane, its first number in the low ones.
#pragma once

#include <cstdint>

#include "model/kernels/simd.hpp"

namespace lldm::simd {

/// The nearest bfloat16 and of two the even one, as float32; NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V rounded_to_bfloat16(V x) {
  if constexpr (is_pair<V>) {
    return {rounded_to_bfloat16(x.low), rounded_to_bfloat16(x.high)};
  } else {
    using Integers = typename Bits<V>::Integers;
    const auto bits = reinterpret_cast<Integers>(x);
    const Integers nearest = (bits + 0x7fff + ((bits >> 16) & 1)) & ~0xffff;
    return x == x ? reinterpret_cast<V>(nearest) : x;
  }
}

#if defined(__x86_64__)

/// 32 numbers of bfloat16, those of `low` first.  These three are for clones with AVX-512 alone;
/// written out, since no clone's target may name what few processors of its level have.
[[gnu::always_inline]] inline Vec<float> narrowed(Vec<float> low, Vec<float> high) {
  Vec<float> both;
  asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(high), "v"(low));
  return both;
}

/// A pair (low, high) a lane.
[[gnu::always_inline]] inline Vec<float> pairs_of(Vec<float> low, Vec<float> high) {
  typedef std::int16_t Halves __attribute__((vector_size(64)));
  constexpr Halves kPlaces = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                              8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return reinterpret_cast<Vec<float>>(
      __builtin_shuffle(reinterpret_cast<Halves>(narrowed(low, high)), kPlaces));
}

/// sum + the pair at `row` times the pair of every lane.
[[gnu::always_inline]] inline Vec<float> with_pair_products(Vec<float> sum, const float* row,
                                                            Vec<float> pairs) {
  asm("vdpbf16ps %1%{1to16%}, %2, %0" : "+v"(sum) : "m"(*row), "v"(pairs));
  return sum;
}

#endif

}  // namespace lldm::simd
