// SPDX-License-Identifier: MIT
#include "model/kernels/rows.hpp"

#include <cmath>

#include "model/kernels/clones.hpp"
#include "model/kernels/simd.hpp"

namespace lldm {

namespace {

using simd::kLanes;
using simd::Lanes;
using simd::load;
using simd::load_some;
using simd::store;
using simd::store_some;

template <class T, int kBytes>
[[gnu::always_inline]] inline void rms_norm_forward_body(const RmsNormForward<T>& a,
                                                         std::int64_t begin, std::int64_t end) {
  using V = Lanes<T, kBytes>;
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.x + row * a.width;
    T* y = a.y + row * a.width;
    const V tail = load_some<V>(x + whole, rest);
    V squares = tail * tail;
    for (std::int64_t d = 0; d < whole; d += lanes) squares += load<V>(x + d) * load<V>(x + d);
    const T scale = T(1) / std::sqrt(simd::sum<T>(squares) / static_cast<T>(a.width) + a.eps);
    for (std::int64_t d = 0; d < whole; d += lanes)
      store(y + d, load<V>(x + d) * scale * load<V>(a.weight + d));
    if (rest) store_some(y + whole, tail * scale * load_some<V>(a.weight + whole, rest), rest);
    a.scale[row] = scale;
  }
}

// With n = x r:  dx = r (dy w - n mean(dy w n)).
template <class T, int kBytes>
[[gnu::always_inline]] inline void rms_norm_backward_body(const RmsNormBackward<T>& a,
                                                          std::int64_t begin, std::int64_t end) {
  using V = Lanes<T, kBytes>;
  constexpr int lanes = kLanes<T>;
  const std::int64_t width = a.width, whole = width - width % lanes, rest = width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.x + row * width;
    const T* dy = a.dy + row * width;
    const T scale = a.scale[row];
    V dots = load_some<V>(x + whole, rest) * load_some<V>(dy + whole, rest) *
             load_some<V>(a.weight + whole, rest);
    for (std::int64_t d = 0; d < whole; d += lanes)
      dots += load<V>(x + d) * load<V>(dy + d) * load<V>(a.weight + d);
    const T slope = simd::sum<T>(dots) * scale * scale / static_cast<T>(width);
    for (std::int64_t d = 0; d < whole; d += lanes) {
      const V value = load<V>(x + d), upstream = load<V>(dy + d), weight = load<V>(a.weight + d);
      V gradient = (upstream * weight - value * slope) * scale;
      if (a.residual) gradient += load<V>(a.residual + row * width + d);
      store(a.dx + row * width + d, gradient);
      if (a.y) store(a.y + row * width + d, value * scale * weight);
      store(a.weight_gradient + d, load<V>(a.weight_gradient + d) + upstream * value * scale);
    }
    for (std::int64_t d = whole; d < width; ++d) {
      T gradient = (dy[d] * a.weight[d] - x[d] * slope) * scale;
      if (a.residual) gradient += a.residual[row * width + d];
      a.dx[row * width + d] = gradient;
      if (a.y) a.y[row * width + d] = x[d] * scale * a.weight[d];
      a.weight_gradient[d] += dy[d] * x[d] * scale;
    }
  }
}

template <class T, class V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  return T(1) / (T(1) + simd::exp(-x));
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void swiglu_forward_body(const SwigluForward<T>& a,
                                                       std::int64_t begin, std::int64_t end) {
  using V = Lanes<T, kBytes>;
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = a.gate_up + row * 2 * a.width;
    const T* up = gate + a.width;
    T* y = a.y + row * a.width;
    for (std::int64_t f = 0; f < whole; f += lanes)
      store(y + f, load<V>(gate + f) * sigmoid<T, V>(load<V>(gate + f)) * load<V>(up + f));
    if (rest) {
      const V g = load_some<V>(gate + whole, rest);
      store_some(y + whole, g * sigmoid<T, V>(g) * load_some<V>(up + whole, rest), rest);
    }
  }
}

template <class V>
struct SwigluSlopes {
  V y, dgate, dup;
};

// silu'(g) = s + g s (1 - s) with s = sigmoid(g).
template <class T, class V>
[[gnu::always_inline]] inline SwigluSlopes<V> swiglu_slopes(V gate, V up, V dy) {
  const V s = sigmoid<T, V>(gate), silu = gate * s;
  return {silu * up, dy * up * (s + silu * (T(1) - s)), dy * silu};
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void swiglu_backward_body(const SwigluBackward<T>& a,
                                                        std::int64_t begin, std::int64_t end) {
  using V = Lanes<T, kBytes>;
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = a.gate_up + row * 2 * a.width;
    const T* dy = a.dy + row * a.width;
    T* gradient = a.gate_up_gradient + row * 2 * a.width;
    T* y = a.y + row * a.width;
    for (std::int64_t f = 0; f < whole; f += lanes) {
      const auto out =
          swiglu_slopes<T, V>(load<V>(gate + f), load<V>(gate + a.width + f), load<V>(dy + f));
      store(y + f, out.y);
      store(gradient + f, out.dgate);
      store(gradient + a.width + f, out.dup);
    }
    if (!rest) continue;
    const auto out = swiglu_slopes<T, V>(load_some<V>(gate + whole, rest),
                                         load_some<V>(gate + a.width + whole, rest),
                                         load_some<V>(dy + whole, rest));
    store_some(y + whole, out.y, rest);
    store_some(gradient + whole, out.dgate, rest);
    store_some(gradient + a.width + whole, out.dup, rest);
  }
}

}  // namespace

LLDM_CPU_CLONES_BY_REGISTER(rms_norm_forward, RmsNormForward<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(rms_norm_forward, RmsNormForward<double>, double)
LLDM_CPU_CLONES_BY_REGISTER(rms_norm_backward, RmsNormBackward<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(rms_norm_backward, RmsNormBackward<double>, double)
LLDM_CPU_CLONES_BY_REGISTER(swiglu_forward, SwigluForward<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(swiglu_forward, SwigluForward<double>, double)
LLDM_CPU_CLONES_BY_REGISTER(swiglu_backward, SwigluBackward<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(swiglu_backward, SwigluBackward<double>, double)

}  // namespace lldm
