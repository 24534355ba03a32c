// SPDX-License-Identifier: MIT
// The mathematics of one row (one token), shared by the kernels and the CPU tests of it.  `Lanes`
// is who works on the row: all threads of a block on the GPU, one on the host.
#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define LLDM_BOTH __host__ __device__ __forceinline__
#else
#define LLDM_BOTH inline
#endif

namespace lldm::cuda {

LLDM_BOTH float to_float(float value) { return value; }
template <class T>
LLDM_BOTH T from_float(float value) {
  return T(value);
}

/// The host's single worker.
struct OneLane {
  static constexpr int index = 0, count = 1;
  LLDM_BOTH float sum(float value) const { return value; }
};

/// y = x * r * w with r = 1 / sqrt(mean(x^2) + eps); x * r is rounded to T before the weight, as
/// LLaDA's RMSNorm does.  All [width].  Returns r, which backward reads.
template <class T, class Lanes>
LLDM_BOTH float rms_norm_row(const T* x, const T* w, T* y, int width, float eps,
                             const Lanes& lanes) {
  float squares = 0;
  for (int i = lanes.index; i < width; i += lanes.count) squares += to_float(x[i]) * to_float(x[i]);
  const float r = 1.0f / sqrtf(lanes.sum(squares) / static_cast<float>(width) + eps);
  for (int i = lanes.index; i < width; i += lanes.count)
    y[i] = from_float<T>(to_float(from_float<T>(to_float(x[i]) * r)) * to_float(w[i]));
  return r;
}

/// dx = r * w * dy - x * r^3 / width * sum(w * dy * x), and dw += dy * x * r.  dw [width] float32.
template <class T, class Lanes>
LLDM_BOTH void rms_norm_row_backward(const T* x, const T* w, const T* dy, float r, T* dx, float* dw,
                                     int width, const Lanes& lanes) {
  float dot = 0;
  for (int i = lanes.index; i < width; i += lanes.count)
    dot += to_float(w[i]) * to_float(dy[i]) * to_float(x[i]);
  const float scale = lanes.sum(dot) * r * r * r / static_cast<float>(width);
  for (int i = lanes.index; i < width; i += lanes.count) {
    const float xi = to_float(x[i]), gi = to_float(dy[i]);
    dx[i] = from_float<T>(r * to_float(w[i]) * gi - xi * scale);
    dw[i] += gi * xi * r;
  }
}

/// Rotates the pair (x[i], x[i + width / 2]) of a head by its angle; `sine` negated is the
/// backward.
template <class T>
LLDM_BOTH void rope_pair(const T* x, T* y, int i, int half, float cosine, float sine) {
  const float first = to_float(x[i]), second = to_float(x[i + half]);
  y[i] = from_float<T>(first * cosine - second * sine);
  y[i + half] = from_float<T>(second * cosine + first * sine);
}

/// silu(gate) * up.
LLDM_BOTH float swiglu_value(float gate, float up) { return gate / (1.0f + expf(-gate)) * up; }

struct SwigluGradient {
  float gate, up;
};
LLDM_BOTH SwigluGradient swiglu_gradient(float gate, float up, float dy) {
  const float sigmoid = 1.0f / (1.0f + expf(-gate));
  return {dy * up * sigmoid * (1.0f + gate * (1.0f - sigmoid)), dy * gate * sigmoid};
}

}  // namespace lldm::cuda
