// SPDX-License-Identifier: MIT
#include "train/kernels/adamw.hpp"

#include <cmath>
#include <cstring>

#include "model/kernels/clones.hpp"
#include "train/kernels/update.hpp"

namespace lldm {
namespace {

[[gnu::always_inline]] inline void adamw_float32_body(const AdamWFloat32& in, std::int64_t begin,
                                                      std::int64_t end) {
  const AdamWFactors f = in.factors;
  float* __restrict value = in.value;
  float* __restrict gradient = in.gradient;
  float* __restrict first = in.first;
  float* __restrict second = in.second;
  for (std::int64_t i = begin; i < end; ++i) {
    value[i] = updated(f, value[i], gradient[i], first[i], second[i]);
    gradient[i] = 0;
  }
}

[[gnu::always_inline]] inline void adamw_bfloat16_body(const AdamWBfloat16& in, std::int64_t begin,
                                                       std::int64_t end) {
  const AdamWFactors f = in.factors;
  std::uint32_t low[kRandomGroup], high[kRandomGroup];
  for (std::int64_t at = begin; at < end; at += kRandomGroup) {
    random_bits(in.place, at / kRandomGroup, low, high);
    std::uint16_t* __restrict value = in.value + at;
    std::uint16_t* __restrict gradient = in.gradient + at;
    std::uint16_t* __restrict first = in.first + at;
    std::uint16_t* __restrict second = in.second + at;
    const std::int64_t count = end - at < kRandomGroup ? end - at : kRandomGroup;
    for (std::int64_t i = 0; i < count; ++i) {
      float m = widened(first[i]), v = widened(second[i]);
      const float w = updated(f, widened(value[i]), widened(gradient[i]), m, v);
      value[i] = rounded(w, low[i] & 0xffffU);
      first[i] = rounded(m, low[i] >> 16);
      second[i] = rounded(v, high[i] & 0xffffU);
      gradient[i] = 0;
    }
  }
}

[[gnu::always_inline]] inline void adamw_mixed_body(const AdamWMixed& in, std::int64_t begin,
                                                    std::int64_t end) {
  const AdamWFactors f = in.factors;
  std::uint32_t low[kRandomGroup], high[kRandomGroup];
  for (std::int64_t at = begin; at < end; at += kRandomGroup) {
    const std::int64_t count = end - at < kRandomGroup ? end - at : kRandomGroup;
    float w[kRandomGroup];
    for (std::int64_t i = 0; i < count; ++i)
      w[i] = updated(f, widened(in.value[at + i]), widened(in.gradient[at + i]), in.first[at + i],
                     in.second[at + i]);
    if (in.is_stochastic) {
      random_bits(in.place, in.first_group + at / kRandomGroup, low, high);
      for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = rounded(w[i], low[i] & 0xffffU);
    } else {
      for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = nearest(w[i]);
    }
    for (std::int64_t i = 0; i < count; ++i) in.gradient[at + i] = 0;
  }
}

struct Squares {
  const float* x;
  double* sum;
};

[[gnu::always_inline]] inline void squares_body(const Squares& in, std::int64_t begin,
                                                std::int64_t end) {
  typedef float Narrow __attribute__((vector_size(32)));
  typedef double Wide __attribute__((vector_size(64)));
  constexpr int kSums = 4;
  Wide sums[kSums] = {};
  std::int64_t i = begin;
  for (; i + 8 * kSums <= end; i += 8 * kSums)
#pragma GCC unroll 4
    for (int s = 0; s < kSums; ++s) {
      Narrow narrow;
      std::memcpy(&narrow, in.x + i + 8 * s, sizeof narrow);
      const Wide wide = __builtin_convertvector(narrow, Wide);
      sums[s] += wide * wide;
    }
  const Wide all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0;
  for (int lane = 0; lane < 8; ++lane) total += all[lane];
  for (; i < end; ++i) total += static_cast<double>(in.x[i]) * static_cast<double>(in.x[i]);
  *in.sum = total;
}

LLDM_CPU_CLONES(squares, Squares)

}  // namespace

LLDM_CPU_CLONES(adamw_float32, AdamWFloat32)
LLDM_CPU_CLONES(adamw_bfloat16, AdamWBfloat16)
LLDM_CPU_CLONES(adamw_mixed, AdamWMixed)

double sum_of_squares(const float* x, std::int64_t begin, std::int64_t end) {
  double sum = 0;
  squares({x, &sum}, begin, end);
  return sum;
}

}  // namespace lldm
