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
constexpr std::int64_t kMaxGroups = 256;

/// All threads of a block on one row.
struct BlockLanes {
  int index = static_cast<int>(threadIdx.x), count = static_cast<int>(blockDim.x);
  float* scratch;  // [32] in shared memory

  __device__ explicit BlockLanes(float* shared) : scratch(shared) {}
  __device__ float sum(float value) const {
    for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
    if (index % 32 == 0) scratch[index / 32] = value;
    __syncthreads();
    float total = 0;  // every thread adds the warps in the same order
    for (int warp = 0; warp < count / 32; ++warp) total += scratch[warp];
    __syncthreads();  // before the scratch is used again
    return total;
  }
};

template <class T>
__global__ void rms_norm_forward_kernel(const T* x, const T* w, T* y, float* inverse_rms, int width,
                                        float eps) {
  __shared__ float scratch[32];
  const std::int64_t row = blockIdx.x;
  const float r =
      rms_norm_row(x + row * width, w, y + row * width, width, eps, BlockLanes(scratch));
  if (threadIdx.x == 0) inverse_rms[row] = r;
}

/// Block g takes the rows g, g + groups, ... and sums their dw into its own row of `partial`.
template <class T>
__global__ void rms_norm_backward_kernel(const T* x, const T* w, const T* dy,
                                         const float* inverse_rms, T* dx, float* partial,
                                         std::int64_t rows, int width) {
  __shared__ float scratch[32];
  const BlockLanes lanes(scratch);
  float* dw = partial + static_cast<std::int64_t>(blockIdx.x) * width;
  for (int i = lanes.index; i < width; i += lanes.count) dw[i] = 0;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
    rms_norm_row_backward(x + row * width, w, dy + row * width, inverse_rms[row], dx + row * width,
                          dw, width, lanes);
}

__global__ void sum_groups_kernel(const float* partial, float* dw, std::int64_t groups, int width) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= width) return;
  float sum = 0;
  for (std::int64_t g = 0; g < groups; ++g) sum += partial[g * width + column];
  dw[column] = sum;
}

template <class T>
__global__ void rope_kernel(const T* x, T* y, const std::int64_t* positions, const float* cosines,
                            const float* sines, std::int64_t pairs, int heads, int half,
                            float direction) {
  for (std::int64_t pair = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; pair < pairs;
       pair += std::int64_t{kThreads} * gridDim.x) {
    const std::int64_t row_head = pair / half;
    const int i = static_cast<int>(pair % half);
    const std::int64_t angle = positions[row_head / heads] * half + i;
    const std::int64_t start = row_head * 2 * half;
    rope_pair(x + start, y + start, i, half, cosines[angle], direction * sines[angle]);
  }
}

template <class T>
__global__ void swiglu_forward_kernel(const T* gate, const T* up, T* y, std::int64_t count) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x)
    y[i] = from_float<T>(swiglu_value(to_float(gate[i]), to_float(up[i])));
}

template <class T>
__global__ void swiglu_backward_kernel(const T* gate, const T* up, const T* dy, T* dgate, T* dup,
                                       std::int64_t count) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x) {
    const SwigluGradient gradient =
        swiglu_gradient(to_float(gate[i]), to_float(up[i]), to_float(dy[i]));
    dgate[i] = from_float<T>(gradient.gate);
    dup[i] = from_float<T>(gradient.up);
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

template <class T>
void launch_rope(const Rope& in, const void* x, void* y, float direction, void* stream, T) {
  const std::int64_t pairs = in.rows * in.heads * (in.head_width / 2);
  rope_kernel<<<blocks_for(pairs), kThreads, 0, as_stream(stream)>>>(
      static_cast<const T*>(x), static_cast<T*>(y), in.positions, in.cosines, in.sines, pairs,
      in.heads, in.head_width / 2, direction);
}

}  // namespace

void rms_norm_forward(const RmsNorm& in, void* y, float* inverse_rms, void* stream) {
  if (in.rows == 0) return;
  with_type(in.type, "rms_norm_forward", [&]<class T>(T) {
    rms_norm_forward_kernel<<<static_cast<unsigned>(in.rows), kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(in.x), static_cast<const T*>(in.weight), static_cast<T*>(y),
        inverse_rms, in.width, in.eps);
  });
}

std::int64_t rms_norm_groups(std::int64_t rows) {
  return std::clamp<std::int64_t>(rows, 1, kMaxGroups);
}

void rms_norm_backward(const RmsNorm& in, const float* inverse_rms, const void* dy, void* dx,
                       float* dw, float* partial, void* stream) {
  const std::int64_t groups = rms_norm_groups(in.rows);
  with_type(in.type, "rms_norm_backward", [&]<class T>(T) {
    rms_norm_backward_kernel<<<static_cast<unsigned>(groups), kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(in.x), static_cast<const T*>(in.weight), static_cast<const T*>(dy),
        inverse_rms, static_cast<T*>(dx), partial, in.rows, in.width);
  });
  sum_groups_kernel<<<blocks_for(in.width), kThreads, 0, as_stream(stream)>>>(partial, dw, groups,
                                                                              in.width);
  check_launch("rms_norm_backward");
}

void rope_forward(const Rope& in, const void* x, void* y, void* stream) {
  with_type(in.type, "rope_forward",
            [&](auto element) { launch_rope(in, x, y, 1.0f, stream, element); });
}

void rope_backward(const Rope& in, const void* dy, void* dx, void* stream) {
  with_type(in.type, "rope_backward",
            [&](auto element) { launch_rope(in, dy, dx, -1.0f, stream, element); });
}

void swiglu_forward(ElementType type, std::int64_t count, const void* gate, const void* up, void* y,
                    void* stream) {
  with_type(type, "swiglu_forward", [&]<class T>(T) {
    swiglu_forward_kernel<<<blocks_for(count), kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(gate), static_cast<const T*>(up), static_cast<T*>(y), count);
  });
}

void swiglu_backward(ElementType type, std::int64_t count, const void* gate, const void* up,
                     const void* dy, void* dgate, void* dup, void* stream) {
  with_type(type, "swiglu_backward", [&]<class T>(T) {
    swiglu_backward_kernel<<<blocks_for(count), kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(gate), static_cast<const T*>(up), static_cast<const T*>(dy),
        static_cast<T*>(dgate), static_cast<T*>(dup), count);
  });
}

}  // namespace lldm::cuda
