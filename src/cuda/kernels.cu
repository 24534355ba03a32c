// SPDX-License-Identifier: MIT
#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <algorithm>

#include "cuda/rows.cuh"
#include "lldm/errors.hpp"
#include "memory/cuda_kernels.hpp"

namespace lldm::cuda {

using bfloat16 = __nv_bfloat16;

LLDM_BOTH float to_float(bfloat16 value) { return __bfloat162float(value); }
template <>
LLDM_BOTH bfloat16 from_float<bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

namespace {

constexpr int kThreads = 256;
/// Calls use(row, head, i, place) for every pair of numbers that is rotated.
template <class Use>
__device__ void each_pair(const Rope& in, Use use) {
  const int half = in.head_width / 2;
  const std::int64_t pairs = in.rows * in.heads * half;
  for (std::int64_t pair = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; pair < pairs;
       pair += std::int64_t{kThreads} * gridDim.x) {
    const std::int64_t row_head = pair / half, row = row_head / in.heads;
    const int head = static_cast<int>(row_head % in.heads);
    use(row, row_head * in.head_width,
        row * in.row_width + place_of(in.places, head, in.head_width),
        static_cast<int>(pair % half));
  }
}

template <class T>
__global__ void rope_forward_kernel(const Rope in, const float* projections, T* heads) {
  const int half = in.head_width / 2;
  each_pair(in, [&](std::int64_t row, std::int64_t head, std::int64_t place, int i) {
    rope_pair(projections + place, heads + head, i, half, in.cosines[row * half + i],
              in.sines[row * half + i]);
  });
}

template <class T>
__global__ void rope_backward_kernel(const Rope in, const T* heads, float* projections) {
  const int half = in.head_width / 2;
  each_pair(in, [&](std::int64_t row, std::int64_t head, std::int64_t place, int i) {
    rope_pair(heads + head, projections + place, i, half, in.cosines[row * half + i],
              -in.sines[row * half + i]);
  });
}

__global__ void swiglu_forward_kernel(const float* gate_up, float* y, std::int64_t count,
                                      std::int64_t width) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x) {
    const std::int64_t gate = i / width * 2 * width + i % width;
    y[i] = swiglu_value(gate_up[gate], gate_up[gate + width]);
  }
}

__global__ void swiglu_backward_kernel(const float* gate_up, const float* dy, float* slopes,
                                       float* y, std::int64_t count, std::int64_t width) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x) {
    const std::int64_t gate = i / width * 2 * width + i % width, up = gate + width;
    const SwigluGradient gradient = swiglu_gradient(gate_up[gate], gate_up[up], dy[i]);
    y[i] = swiglu_value(gate_up[gate], gate_up[up]);
    slopes[gate] = gradient.gate;
    slopes[up] = gradient.up;
  }
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>(
      std::clamp<std::int64_t>((count + kThreads - 1) / kThreads, 1, 65535));
}

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }

void check_launch(const char* kernel) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess)
    throw Error(message(kernel, ": the launch was refused: ", cudaGetErrorString(status)));
}

/// Calls `launch(T{})` with the element type.
template <class Launch>
void with_type(ElementType type, const char* kernel, Launch launch) {
  if (type == ElementType::float32)
    launch(float{});
  else
    launch(bfloat16{});
  check_launch(kernel);
}

unsigned blocks_of(const Rope& in) { return blocks_for(in.rows * in.heads * in.head_width / 2); }

}  // namespace

void rope_forward(const Rope& in, const float* projections, void* heads, void* stream) {
  with_type(in.type, "rope_forward", [&]<class T>(T) {
    rope_forward_kernel<<<blocks_of(in), kThreads, 0, as_stream(stream)>>>(in, projections,
                                                                           static_cast<T*>(heads));
  });
}

void rope_backward(const Rope& in, const void* heads, float* projections, void* stream) {
  with_type(in.type, "rope_backward", [&]<class T>(T) {
    rope_backward_kernel<<<blocks_of(in), kThreads, 0, as_stream(stream)>>>(
        in, static_cast<const T*>(heads), projections);
  });
}

void swiglu_forward(std::int64_t rows, std::int64_t width, const float* gate_up, float* y,
                    void* stream) {
  const std::int64_t count = rows * width;
  swiglu_forward_kernel<<<blocks_for(count), kThreads, 0, as_stream(stream)>>>(gate_up, y, count,
                                                                               width);
  check_launch("swiglu_forward");
}

void swiglu_backward(std::int64_t rows, std::int64_t width, const float* gate_up, const float* dy,
                     float* slopes, float* y, void* stream) {
  const std::int64_t count = rows * width;
  swiglu_backward_kernel<<<blocks_for(count), kThreads, 0, as_stream(stream)>>>(gate_up, dy, slopes,
                                                                                y, count, width);
  check_launch("swiglu_backward");
}

}  // namespace lldm::cuda
