// SPDX-License-Identifier: MIT
#include "model/kernels/rows.hpp"

#include <cmath>

#include "model/kernels/clones.hpp"
#include "model/kernels/simd.hpp"

namespace lldm {

namespace {

using simd::kLanes;
using simd::load;
using simd::load_some;
using simd::store;
using simd::store_some;
using simd::Vec;

template <class T>
[[gnu::always_inline]] inline void rms_norm_forward_body(const RmsNormForward<T>& a,
                                                         std::int64_t begin, std::int64_t end) {
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.x + row * a.width;
    T* y = a.y + row * a.width;
    const Vec<T> tail = load_some(x + whole, rest);
    Vec<T> squares = tail * tail;
    for (std::int64_t d = 0; d < whole; d += lanes) squares += load(x + d) * load(x + d);
    const T scale = T(1) / std::sqrt(simd::sum<T>(squares) / static_cast<T>(a.width) + a.eps);
    for (std::int64_t d = 0; d < whole; d += lanes)
      store(y + d, load(x + d) * scale * load(a.weight + d));
    if (rest) store_some(y + whole, tail * scale * load_some(a.weight + whole, rest), rest);
    a.scale[row] = scale;
  }
}

// With n = x r:  dx = r (dy w - n mean(dy w n)).
template <class T>
[[gnu::always_inline]] inline void rms_norm_backward_body(const RmsNormBackward<T>& a,
                                                          std::int64_t begin, std::int64_t end) {
  constexpr int lanes = kLanes<T>;
  const std::int64_t width = a.width, whole = width - width % lanes, rest = width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.x + row * width;
    const T* dy = a.dy + row * width;
    const T scale = a.scale[row];
    Vec<T> dots = load_some(x + whole, rest) * load_some(dy + whole, rest) *
                  load_some(a.weight + whole, rest);
    for (std::int64_t d = 0; d < whole; d += lanes)
      dots += load(x + d) * load(dy + d) * load(a.weight + d);
    const T slope = simd::sum<T>(dots) * scale * scale / static_cast<T>(width);
    for (std::int64_t d = 0; d < whole; d += lanes) {
      const Vec<T> value = load(x + d), upstream = load(dy + d), weight = load(a.weight + d);
      Vec<T> gradient = (upstream * weight - value * slope) * scale;
      if (a.residual) gradient += load(a.residual + row * width + d);
      store(a.dx + row * width + d, gradient);
      if (a.y) store(a.y + row * width + d, value * scale * weight);
      store(a.weight_gradient + d, load(a.weight_gradient + d) + upstream * value * scale);
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

template <class T>
[[gnu::always_inline]] inline Vec<T> sigmoid(Vec<T> x) {
  return T(1) / (T(1) + simd::exp(-x));
}

template <class T>
[[gnu::always_inline]] inline void swiglu_forward_body(const SwigluForward<T>& a,
                                                       std::int64_t begin, std::int64_t end) {
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = a.gate_up + row * 2 * a.width;
    const T* up = gate + a.width;
    T* y = a.y + row * a.width;
    for (std::int64_t f = 0; f < whole; f += lanes)
      store(y + f, load(gate + f) * sigmoid<T>(load(gate + f)) * load(up + f));
    if (rest) {
      const Vec<T> g = load_some(gate + whole, rest);
      store_some(y + whole, g * sigmoid<T>(g) * load_some(up + whole, rest), rest);
    }
  }
}

template <class T>
struct SwigluSlopes {
  Vec<T> y, dgate, dup;
};

// silu'(g) = s + g s (1 - s) with s = sigmoid(g).
template <class T>
[[gnu::always_inline]] inline SwigluSlopes<T> swiglu_slopes(Vec<T> gate, Vec<T> up, Vec<T> dy) {
  const Vec<T> s = sigmoid<T>(gate), silu = gate * s;
  return {silu * up, dy * up * (s + silu * (T(1) - s)), dy * silu};
}

template <class T>
[[gnu::always_inline]] inline void swiglu_backward_body(const SwigluBackward<T>& a,
                                                        std::int64_t begin, std::int64_t end) {
  constexpr int lanes = kLanes<T>;
  const std::int64_t whole = a.width - a.width % lanes, rest = a.width - whole;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = a.gate_up + row * 2 * a.width;
    const T* dy = a.dy + row * a.width;
    T* gradient = a.gate_up_gradient + row * 2 * a.width;
    T* y = a.y + row * a.width;
    for (std::int64_t f = 0; f < whole; f += lanes) {
      const auto out = swiglu_slopes<T>(load(gate + f), load(gate + a.width + f), load(dy + f));
      store(y + f, out.y);
      store(gradient + f, out.dgate);
      store(gradient + a.width + f, out.dup);
    }
    if (!rest) continue;
    const auto out =
        swiglu_slopes<T>(load_some(gate + whole, rest), load_some(gate + a.width + whole, rest),
                         load_some(dy + whole, rest));
    store_some(y + whole, out.y, rest);
    store_some(gradient + whole, out.dgate, rest);
    store_some(gradient + a.width + whole, out.dup, rest);
  }
}

}  // namespace

LLDM_CPU_CLONES(rms_norm_forward, RmsNormForward<float>)
LLDM_CPU_CLONES(rms_norm_forward, RmsNormForward<double>)
LLDM_CPU_CLONES(rms_norm_backward, RmsNormBackward<float>)
LLDM_CPU_CLONES(rms_norm_backward, RmsNormBackward<double>)
LLDM_CPU_CLONES(swiglu_forward, SwigluForward<float>)
LLDM_CPU_CLONES(swiglu_forward, SwigluForward<double>)
LLDM_CPU_CLONES(swiglu_backward, SwigluBackward<float>)
LLDM_CPU_CLONES(swiglu_backward, SwigluBackward<double>)

}  // namespace lldm
