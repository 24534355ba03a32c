// SPDX-License-Identifier: MIT
// The mathematics of one row (one token), shared by the kernels and the CPU tests of it.
#pragma once

#include <cmath>

#include "memory/cuda_kernels.hpp"

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

/// Of a head, in a row of projections.
LLDM_BOTH int place_of(const HeadPlaces& places, int head, int width) {
  return places.first + head / places.group * places.outer + head % places.group * width;
}

/// Rotates the pair (x[i], x[i + width / 2]) of a head by its angle; `sine` negated is the
/// backward.
template <class From, class To>
LLDM_BOTH void rope_pair(const From* x, To* y, int i, int half, float cosine, float sine) {
  const float first = to_float(x[i]), second = to_float(x[i + half]);
  y[i] = from_float<To>(first * cosine - second * sine);
  y[i + half] = from_float<To>(second * cosine + first * sine);
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
