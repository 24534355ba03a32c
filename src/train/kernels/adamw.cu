// SPDX-License-Identifier: MIT
// AdamW's numbers in bfloat16 where they lie.  Compiled without fused multiply-add: the CPU's bits.
#include <cuda_runtime_api.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "memory/cuda_kernels.hpp"
#include "train/kernels/one_number.hpp"

namespace lldm::cuda {
namespace {

/// A thread has two numbers of a group, which share a block of Philox.
__global__ void adamw_bfloat16_kernel(AdamWBfloat16 in, std::int64_t count) {
  const std::int64_t groups = (count + kRandomGroup - 1) / kRandomGroup;
  for (std::int64_t group = blockIdx.x; group < groups; group += gridDim.x) {
    const std::uint64_t place = static_cast<std::uint64_t>(group) * kRandomLanes + threadIdx.x;
    const RandomBlock bits = random_block(in.place, place);
    const std::int64_t i = group * kRandomGroup + threadIdx.x, j = i + kRandomLanes;
    if (i < count)
      update_bfloat16(in.factors, in.value[i], in.gradient[i], in.first[i], in.second[i], bits.low,
                      bits.high);
    if (j < count)
      update_bfloat16(in.factors, in.value[j], in.gradient[j], in.first[j], in.second[j],
                      bits.second_low, bits.second_high);
  }
}

}  // namespace

void adamw_bfloat16(const AdamWBfloat16& in, std::int64_t count, void* stream) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>(
      std::min<std::int64_t>((count + kRandomGroup - 1) / kRandomGroup, 65535));
  adamw_bfloat16_kernel<<<blocks, kRandomLanes, 0, static_cast<cudaStream_t>(stream)>>>(in, count);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    throw Error(message("adamw_bfloat16: the launch was refused: ", cudaGetErrorString(status)));
}

}  // namespace lldm::cuda
