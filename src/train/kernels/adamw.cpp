// SPDX-License-Identifier: MIT
#include "train/kernels/adamw.hpp"

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
    for (std::int64_t i = 0; i < count; ++i)
      update_bfloat16(f, value[i], gradient[i], first[i], second[i], low[i], high[i]);
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
      random_bits(in.place, at / kRandomGroup, low, high);
      for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = rounded(w[i], low[i] & 0xffffU);
    } else {
      for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = nearest(w[i]);
    }
    for (std::int64_t i = 0; i < count; ++i) in.gradient[at + i] = 0;
  }
}

[[gnu::always_inline]] inline void adamw_master_body(const AdamWMaster& in, std::int64_t begin,
                                                     std::int64_t end) {
  const AdamWFactors f = in.factors;
  std::uint16_t* __restrict value = in.value;
  const std::uint16_t* __restrict gradient = in.gradient;
  float* __restrict master = in.master;
  float* __restrict first = in.first;
  float* __restrict second = in.second;
  for (std::int64_t i = begin; i < end; ++i) {
    master[i] = updated(f, master[i], widened(gradient[i]), first[i], second[i]);
    value[i] = nearest(master[i]);
  }
}

template <class T>
struct Squares {
  const T* x;
  double* sum;
};

template <class T>
[[gnu::always_inline]] inline void squares_body(const Squares<T>& in, std::int64_t begin,
                                                std::int64_t end) {
  constexpr int kSums = 4;
  Wide sums[kSums] = {};
  std::int64_t i = begin;
  for (; i + 8 * kSums <= end; i += 8 * kSums)
#pragma GCC unroll 4
    for (int s = 0; s < kSums; ++s) {
      const Wide wide = __builtin_convertvector(eight(in.x + i + 8 * s), Wide);
      sums[s] += wide * wide;
    }
  const Wide all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0;
  for (int lane = 0; lane < 8; ++lane) total += all[lane];
  for (; i < end; ++i) {
    const auto wide = static_cast<double>(widened(in.x[i]));
    total += wide * wide;
  }
  *in.sum = total;
}

[[gnu::always_inline]] inline void float_squares_body(const Squares<float>& in, std::int64_t begin,
                                                      std::int64_t end) {
  squares_body(in, begin, end);
}
[[gnu::always_inline]] inline void short_squares_body(const Squares<std::uint16_t>& in,
                                                      std::int64_t begin, std::int64_t end) {
  squares_body(in, begin, end);
}
LLDM_CPU_CLONES(float_squares, Squares<float>)
LLDM_CPU_CLONES(short_squares, Squares<std::uint16_t>)

}  // namespace

LLDM_CPU_CLONES(adamw_float32, AdamWFloat32)
LLDM_CPU_CLONES(adamw_bfloat16, AdamWBfloat16)
LLDM_CPU_CLONES(adamw_mixed, AdamWMixed)
LLDM_CPU_CLONES(adamw_master, AdamWMaster)

double sum_of_squares(const float* x, std::int64_t begin, std::int64_t end) {
  double sum = 0;
  float_squares({x, &sum}, begin, end);
  return sum;
}
double sum_of_squares(const std::uint16_t* x, std::int64_t begin, std::int64_t end) {
  double sum = 0;
  short_squares({x, &sum}, begin, end);
  return sum;
}

}  // namespace lldm
