// SPDX-License-Identifier: MIT
// Row kernels on plain memory.  Each function does rows [begin, end): the caller splits them over
// threads.
#pragma once

#include <cstdint>

namespace lldm {

/// y = x * r * weight with r = 1 / sqrt(mean(x^2) + eps); r is kept for the backward pass.
template <class T>
struct RmsNormForward {
  const T* x;       // [N, D]
  const T* weight;  // [D]
  T* y;             // [N, D]
  T* scale;         // [N]: r
  std::int64_t width;
  T eps;
};
void rms_norm_forward(const RmsNormForward<float>&, std::int64_t begin, std::int64_t end);
void rms_norm_forward(const RmsNormForward<double>&, std::int64_t begin, std::int64_t end);

/// dx = residual + dL/dx, the normalised rows again (for the weight gradient of the product behind
/// them), and the sum over rows of dy * x * r, added to weight_gradient.
template <class T>
struct RmsNormBackward {
  const T* x;          // [N, D]
  const T* weight;     // [D]
  const T* scale;      // [N]
  const T* dy;         // [N, D]
  const T* residual;   // [N, D], or null: added to dx
  T* dx;               // [N, D]
  T* y;                // [N, D], or null
  T* weight_gradient;  // [D], this thread's own
  std::int64_t width;
};
void rms_norm_backward(const RmsNormBackward<float>&, std::int64_t begin, std::int64_t end);
void rms_norm_backward(const RmsNormBackward<double>&, std::int64_t begin, std::int64_t end);

/// y = silu(gate) * up, where a row of `gate_up` holds the gate and then up.
template <class T>
struct SwigluForward {
  const T* gate_up;    // [N, 2 F]
  T* y;                // [N, F]
  std::int64_t width;  // F
};
void swiglu_forward(const SwigluForward<float>&, std::int64_t begin, std::int64_t end);
void swiglu_forward(const SwigluForward<double>&, std::int64_t begin, std::int64_t end);

/// The gradient of gate and up from dy, and y again.
template <class T>
struct SwigluBackward {
  const T* gate_up;     // [N, 2 F]
  const T* dy;          // [N, F]
  T* gate_up_gradient;  // [N, 2 F]
  T* y;                 // [N, F]
  std::int64_t width;   // F
};
void swiglu_backward(const SwigluBackward<float>&, std::int64_t begin, std::int64_t end);
void swiglu_backward(const SwigluBackward<double>&, std::int64_t begin, std::int64_t end);

/// log softmax(logits)[target] and, where wanted, its negative gradient in the logits' place.
template <class T>
struct SoftmaxSlope {
  T* logits;                    // [N, V]; becomes softmax - onehot(target) if wants_slope
  const std::int64_t* targets;  // [N], in [0, V)
  T* chosen;                    // [N]: log-probability of the target
  std::int64_t vocabulary;      // V
  std::int64_t excluded;        // its logit counts as -inf; -1: none.  Never a target
  bool wants_slope;
};
void softmax_slope(const SoftmaxSlope<float>&, std::int64_t begin, std::int64_t end);
void softmax_slope(const SoftmaxSlope<double>&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
