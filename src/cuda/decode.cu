// SPDX-License-Identifier: MIT
// Weights in int8 and nf4 as numbers.  Every product and sum is rounded by itself (no fused
// multiply-add), so that the bits are those of the host's loops.
#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "memory/cuda_kernels.hpp"

namespace lldm::cuda {
namespace {

constexpr int kThreads = 256, kValuesOfThread = 8;
constexpr std::int64_t kBlock = 64, kGroup = 256;  // numbers a scale, scales a scale of theirs

__device__ void store(float* to, float value) { *to = value; }
__device__ void store(__nv_bfloat16* to, float value) { *to = __float2bfloat16_rn(value); }

template <class T>
__global__ void int8_kernel(const std::int8_t* codes, const float* absmax, std::int64_t count,
                            std::int64_t columns, T* out) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x)
    store(out + i, __fmul_rn(static_cast<float>(codes[i]), __fdiv_rn(absmax[i / columns], 127.0f)));
}

template <class T>
__global__ void nf4_kernel(Nf4 in, T* out) {
  __shared__ float values[16], map[256];
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += kThreads) map[i] = in.map.values[i];
  if (threadIdx.x < 16) values[threadIdx.x] = in.codebook.values[threadIdx.x];
  __syncthreads();
  const std::int64_t step = std::int64_t{kThreads} * kValuesOfThread * gridDim.x;
  for (std::int64_t first =
           in.begin + (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * kValuesOfThread;
       first < in.end; first += step) {
    const std::int64_t last = min(first + kValuesOfThread, in.end);
    std::int64_t block = -1;
    float absmax = 0;
    for (std::int64_t i = first; i < last; ++i) {
      if (i / kBlock != block) {
        block = i / kBlock;
        absmax = __fadd_rn(__fmul_rn(map[in.scales[block]], in.nested[1 + block / kGroup]),
                           in.nested[0]);
      }
      const unsigned byte = in.bytes[i / 2];
      store(out + (i - in.begin), __fmul_rn(values[i % 2 == 0 ? byte >> 4 : byte & 15], absmax));
    }
  }
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>(
      std::clamp<std::int64_t>((count + kThreads - 1) / kThreads, 1, 65535));
}

void check_launch(const char* kernel) {
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    throw Error(message(kernel, ": the launch was refused: ", cudaGetErrorString(status)));
}

}  // namespace

void int8_decode(ElementType type, const std::int8_t* codes, const float* absmax, std::int64_t rows,
                 std::int64_t columns, void* out, void* stream) {
  const std::int64_t count = rows * columns;
  const auto on = static_cast<cudaStream_t>(stream);
  if (type == ElementType::float32)
    int8_kernel<<<blocks_for(count), kThreads, 0, on>>>(codes, absmax, count, columns,
                                                        static_cast<float*>(out));
  else
    int8_kernel<<<blocks_for(count), kThreads, 0, on>>>(codes, absmax, count, columns,
                                                        static_cast<__nv_bfloat16*>(out));
  check_launch("int8_decode");
}

void nf4_decode(ElementType type, const Nf4& in, void* out, void* stream) {
  const std::int64_t count = (in.end - in.begin + kValuesOfThread - 1) / kValuesOfThread;
  const auto on = static_cast<cudaStream_t>(stream);
  if (type == ElementType::float32)
    nf4_kernel<<<blocks_for(count), kThreads, 0, on>>>(in, static_cast<float*>(out));
  else
    nf4_kernel<<<blocks_for(count), kThreads, 0, on>>>(in, static_cast<__nv_bfloat16*>(out));
  check_launch("nf4_decode");
}

}  // namespace lldm::cuda
