// SPDX-License-Identifier: MIT
// Fixed-width vectors as GCC's vector extension: one 64-byte vector is one AVX-512 register, two
// AVX2 ones or four SSE ones, whatever the calling clone is compiled for.  Everything is always
// inlined: a helper that stayed out of line would be compiled for the baseline, with another
// calling convention.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace lldm::simd {

template <class T>
struct Types;
template <>
struct Types<float> {
  typedef float vec __attribute__((vector_size(64)));
  typedef float half __attribute__((vector_size(32)));
  typedef std::int32_t ints __attribute__((vector_size(64)));
};
template <>
struct Types<double> {
  typedef double vec __attribute__((vector_size(64)));
  typedef double half __attribute__((vector_size(32)));
  typedef std::int64_t ints __attribute__((vector_size(64)));
};

template <class T>
using Vec = typename Types<T>::vec;
/// Half of one, which is a register of AVX2.
template <class T>
using HalfVec = typename Types<T>::half;
/// What a clone for registers of so many bytes keeps sums in: GCC 12 keeps arrays of 64-byte
/// vectors in memory where they are two registers.
template <class T, int kBytes>
using Register = std::conditional_t<kBytes == 64, Vec<T>, HalfVec<T>>;
template <class T>
inline constexpr int kLanes = 64 / static_cast<int>(sizeof(T));

template <class T>
[[gnu::always_inline]] inline Vec<T> load(const T* from) {
  Vec<T> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class R, class T>
[[gnu::always_inline]] inline R load_register(const T* from) {
  R value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, Vec<T> value) {
  std::memcpy(to, &value, sizeof value);
}

template <class T>
[[gnu::always_inline]] inline Vec<T> broadcast(T value) {
  return value - Vec<T>{};
}

/// The first `count` elements, zeros behind them.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_some(const T* from, std::int64_t count) {
  Vec<T> value{};
  for (std::int64_t i = 0; i < count; ++i) value[i] = from[i];
  return value;
}

template <class T>
[[gnu::always_inline]] inline void store_some(T* to, Vec<T> value, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = value[i];
}

/// Sum of the lanes, pairwise, in a fixed order.
template <class T>
[[gnu::always_inline]] inline T sum(Vec<T> value) {
  T lanes[kLanes<T>];
  store(lanes, value);
  for (int width = kLanes<T> / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

/// e^x within about 1 ulp (float) or 2 ulp (double), clamped where it would leave the normal
/// numbers.
/// Source  Cephes, expf.c: reduction to |r| <= ln(2) / 2, polynomial, scaling by 2^n through the
///         exponent.
[[gnu::always_inline]] inline Vec<float> exp(Vec<float> x) {
  using Ints = Types<float>::ints;
  x = x < -87.0f ? broadcast(-87.0f) : x;
  x = x > 88.0f ? broadcast(88.0f) : x;
  const float round =
      12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  const Vec<float> shifted = x * 1.44269504088896341f + round;
  const Vec<float> n = shifted - round;
  const Vec<float> r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec<float> p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Ints bits = (reinterpret_cast<Ints>(shifted) - 0x4b400000 + 127) << 23;
  return p * reinterpret_cast<Vec<float>>(bits);
}

/// Taylor's series to degree 13 on |r| <= ln(2) / 2: its remainder is below 1 ulp.
[[gnu::always_inline]] inline Vec<double> exp_near_zero(Vec<double> r) {
  constexpr double kInverseFactorials[] = {1.0 / 479001600,
                                           1.0 / 39916800,
                                           1.0 / 3628800,
                                           1.0 / 362880,
                                           1.0 / 40320,
                                           1.0 / 5040,
                                           1.0 / 720,
                                           1.0 / 120,
                                           1.0 / 24,
                                           1.0 / 6,
                                           0.5,
                                           1.0,
                                           1.0};
  Vec<double> p = broadcast(1.0 / 6227020800.0);
#pragma GCC unroll 13
  for (const double c : kInverseFactorials) p = p * r + c;
  return p;
}

[[gnu::always_inline]] inline Vec<double> exp(Vec<double> x) {
  using Ints = Types<double>::ints;
  x = x < -708.0 ? broadcast(-708.0) : x;
  x = x > 709.0 ? broadcast(709.0) : x;
  const double round = 6755399441055744.0;  // 1.5 * 2^52
  const Vec<double> shifted = x * 1.4426950408889634074 + round;
  const Vec<double> n = shifted - round;
  const Vec<double> r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  const Ints bits = (reinterpret_cast<Ints>(shifted) - 0x4338000000000000 + 1023) << 52;
  return exp_near_zero(r) * reinterpret_cast<Vec<double>>(bits);
}

/// 2^x for x <= 0 (a little above is fine too); below the normal numbers it stays at the smallest
/// one.
///
/// Source  Cephes, exp2f.c.
[[gnu::always_inline]] inline Vec<float> exp2(Vec<float> x) {
  using Ints = Types<float>::ints;
  x = x < -126.0f ? broadcast(-126.0f) : x;
  const float round = 12582912.0f;
  const Vec<float> shifted = x + round;
  const Vec<float> r = x - (shifted - round);
  Vec<float> p = r * 1.535336188319500e-4f + 1.339887440266574e-3f;
  p = p * r + 9.618437357674640e-3f;
  p = p * r + 5.550332471162809e-2f;
  p = p * r + 2.402264791363012e-1f;
  p = p * r + 6.931472028550421e-1f;
  p = p * r + 1.0f;
  return reinterpret_cast<Vec<float>>(reinterpret_cast<Ints>(p) +
                                      (reinterpret_cast<Ints>(shifted) << 23));
}

[[gnu::always_inline]] inline Vec<double> exp2(Vec<double> x) {
  using Ints = Types<double>::ints;
  x = x < -1022.0 ? broadcast(-1022.0) : x;
  const double round = 6755399441055744.0;
  const Vec<double> shifted = x + round;
  const Vec<double> p = exp_near_zero((x - (shifted - round)) * 6.9314718055994530942e-1);
  return reinterpret_cast<Vec<double>>(reinterpret_cast<Ints>(p) +
                                       (reinterpret_cast<Ints>(shifted) << 52));
}

template <class T>
[[gnu::always_inline]] inline Vec<T> max(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}

}  // namespace lldm::simd
