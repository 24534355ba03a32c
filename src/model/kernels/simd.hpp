// SPDX-License-Identifier: MIT
// Fixed-width vectors as GCC's vector extension: 64 bytes, whatever the calling clone is compiled
// for: one AVX-512 register, or two of AVX2.  Two are a Pair: GCC 12 keeps a vector that no
// register holds in memory, and takes it apart number by number to compare.  Everything is always
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
};
template <>
struct Types<double> {
  typedef double vec __attribute__((vector_size(64)));
  typedef double half __attribute__((vector_size(32)));
};

template <class T>
using Vec = typename Types<T>::vec;
/// Half of one, which is a register of AVX2.
template <class T>
using HalfVec = typename Types<T>::half;
template <class T>
inline constexpr int kLanes = 64 / static_cast<int>(sizeof(T));

/// Two halves, lane by lane as one vector.
template <class T>
struct Pair {
  HalfVec<T> low, high;
};

/// What a clone for registers of so many bytes computes with, and the register itself.
template <class T, int kBytes>
using Lanes = std::conditional_t<kBytes == 64, Vec<T>, Pair<T>>;
template <class T, int kBytes>
using Register = std::conditional_t<kBytes == 64, Vec<T>, HalfVec<T>>;

template <class V>
inline constexpr bool is_pair = false;
template <class T>
inline constexpr bool is_pair<Pair<T>> = true;

#define LLDM_PAIR_OPERATOR(op)                                                              \
  template <class T>                                                                        \
  [[gnu::always_inline]] inline Pair<T> operator op(Pair<T> a, Pair<T> b) {                 \
    return {a.low op b.low, a.high op b.high};                                              \
  }                                                                                         \
  template <class T>                                                                        \
  [[gnu::always_inline]] inline Pair<T> operator op(Pair<T> a, std::type_identity_t<T> b) { \
    return {a.low op b, a.high op b};                                                       \
  }                                                                                         \
  template <class T>                                                                        \
  [[gnu::always_inline]] inline Pair<T> operator op(std::type_identity_t<T> a, Pair<T> b) { \
    return {a op b.low, a op b.high};                                                       \
  }
LLDM_PAIR_OPERATOR(+)
LLDM_PAIR_OPERATOR(-)
LLDM_PAIR_OPERATOR(*)
LLDM_PAIR_OPERATOR(/)
#undef LLDM_PAIR_OPERATOR

template <class T>
[[gnu::always_inline]] inline Pair<T> operator-(Pair<T> a) {
  return {-a.low, -a.high};
}
template <class T>
[[gnu::always_inline]] inline Pair<T>& operator+=(Pair<T>& a, Pair<T> b) {
  return a = a + b;
}

template <class V, class T>
[[gnu::always_inline]] inline V load(const T* from) {
  if constexpr (is_pair<V>) {
    return {load<HalfVec<T>>(from), load<HalfVec<T>>(from + kLanes<T> / 2)};
  } else {
    V value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
}

template <class V, class T>
[[gnu::always_inline]] inline void store(T* to, V value) {
  if constexpr (is_pair<V>) {
    store(to, value.low);
    store(to + kLanes<T> / 2, value.high);
  } else {
    std::memcpy(to, &value, sizeof value);
  }
}

template <class V, class T>
[[gnu::always_inline]] inline V broadcast(T value) {
  return value - V{};
}

/// The first `count` elements, zeros behind them.
template <class V, class T>
[[gnu::always_inline]] inline V load_some(const T* from, std::int64_t count) {
  alignas(64) T lanes[kLanes<T>] = {};
  for (std::int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return load<V>(lanes);
}

template <class V, class T>
[[gnu::always_inline]] inline void store_some(T* to, V value, std::int64_t count) {
  alignas(64) T lanes[kLanes<T>];
  store(lanes, value);
  for (std::int64_t i = 0; i < count; ++i) to[i] = lanes[i];
}

/// Sum of the lanes, pairwise, in a fixed order.
template <class T, class V>
[[gnu::always_inline]] inline T sum(V value) {
  alignas(64) T lanes[kLanes<T>];
  store(lanes, value);
  for (int width = kLanes<T> / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

/// Of a pair with a NaN the second number: what is clamped stands there, so that NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V max(V a, V b) {
  if constexpr (is_pair<V>)
    return {max(a.low, b.low), max(a.high, b.high)};
  else
    return a > b ? a : b;
}

template <class V>
[[gnu::always_inline]] inline V min(V a, V b) {
  if constexpr (is_pair<V>)
    return {min(a.low, b.low), min(a.high, b.high)};
  else
    return a < b ? a : b;
}

/// Of a register: integers as wide as its numbers, and how they hold an exponent.
template <class V>
struct Bits {
  using Number = std::remove_cvref_t<decltype(V{}[0])>;
  static constexpr bool is_float = sizeof(Number) == 4;
  using Integer = std::conditional_t<is_float, std::int32_t, std::int64_t>;
  typedef Integer Integers __attribute__((vector_size(sizeof(V))));
  /// 1.5 * 2^23 or 2^52: adding it leaves the nearest integer in the low bits.
  static constexpr Number kRound = is_float ? Number(12582912.0) : Number(6755399441055744.0);
  static constexpr Integer kRoundBits = is_float ? 0x4b400000 : 0x4338000000000000;
  static constexpr int kMantissa = is_float ? 23 : 52, kBias = is_float ? 127 : 1023;

  /// 2^n, of n + kRound.
  [[gnu::always_inline]] static V power(V shifted) {
    const Integers n = reinterpret_cast<Integers>(shifted) - kRoundBits;
    return reinterpret_cast<V>((n + kBias) << kMantissa);
  }
};

/// Taylor's series to degree 13 on |r| <= ln(2) / 2: its remainder is below 1 ulp.
template <class V>
[[gnu::always_inline]] inline V exp_near_zero(V r) {
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
  V p = broadcast<V>(1.0 / 6227020800.0);
#pragma GCC unroll 13
  for (const double c : kInverseFactorials) p = p * r + c;
  return p;
}

/// e^x within about 1 ulp (float) or 2 ulp (double), clamped where it would leave the normal
/// numbers.
/// Source  Cephes, expf.c: reduction to |r| <= ln(2) / 2, polynomial, scaling by 2^n through the
///         exponent.
template <class V>
[[gnu::always_inline]] inline V exp(V x) {
  if constexpr (is_pair<V>) {
    return {exp(x.low), exp(x.high)};
  } else if constexpr (Bits<V>::is_float) {
    x = min(broadcast<V>(88.0f), max(broadcast<V>(-87.0f), x));
    const V shifted = x * 1.44269504088896341f + Bits<V>::kRound;
    const V n = shifted - Bits<V>::kRound;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * Bits<V>::power(shifted);
  } else {
    x = min(broadcast<V>(709.0), max(broadcast<V>(-708.0), x));
    const V shifted = x * 1.4426950408889634074 + Bits<V>::kRound;
    const V n = shifted - Bits<V>::kRound;
    const V r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
    return exp_near_zero(r) * Bits<V>::power(shifted);
  }
}

/// 2^x for x <= 0 (a little above is fine too); below the normal numbers it stays at the smallest
/// one.
///
/// Source  Cephes, exp2f.c.
template <class V>
[[gnu::always_inline]] inline V exp2(V x) {
  if constexpr (is_pair<V>) {
    return {exp2(x.low), exp2(x.high)};
  } else {
    using B = Bits<V>;
    x = max(broadcast<V>(typename B::Number(B::is_float ? -126.0 : -1022.0)), x);
    const V shifted = x + B::kRound;
    const V r = x - (shifted - B::kRound);
    V p;
    if constexpr (B::is_float) {
      p = r * 1.535336188319500e-4f + 1.339887440266574e-3f;
      p = p * r + 9.618437357674640e-3f;
      p = p * r + 5.550332471162809e-2f;
      p = p * r + 2.402264791363012e-1f;
      p = p * r + 6.931472028550421e-1f;
      p = p * r + 1.0f;
    } else {
      p = exp_near_zero(r * 6.9314718055994530942e-1);
    }
    return p * B::power(shifted);  // a product: what is not a number stays one
  }
}

}  // namespace lldm::simd
