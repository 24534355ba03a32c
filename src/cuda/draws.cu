// SPDX-License-Identifier: MIT
// Random numbers where they are read: those of the host's streams, bit by bit.
#include <cuda_runtime_api.h>

#include <algorithm>

#include "draws/philox.hpp"
#include "lldm/errors.hpp"
#include "memory/cuda_kernels.hpp"

namespace lldm::cuda {
namespace {

constexpr int kThreads = 256;

/// A thread makes two neighbours, which is one block of Philox.
__global__ void uniforms_kernel(const std::uint64_t* places, std::int64_t streams,
                                std::int64_t width, double* out) {
  const std::int64_t pairs = (width + 1) / 2, count = streams * pairs;
  for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < count;
       i += std::int64_t{kThreads} * gridDim.x) {
    const std::int64_t stream = i / pairs, pair = i % pairs;
    const UniformPair made =
        uniform_pair(places[2 * stream], places[2 * stream + 1], static_cast<std::uint64_t>(pair));
    double* to = out + stream * width + 2 * pair;
    to[0] = made.first;
    if (2 * pair + 1 < width) to[1] = made.second;
  }
}

}  // namespace

void uniforms(const std::uint64_t* places, std::int64_t streams, std::int64_t width, double* out,
              void* stream) {
  const std::int64_t count = streams * ((width + 1) / 2);
  if (count == 0) return;
  const auto blocks =
      static_cast<unsigned>(std::clamp<std::int64_t>((count + kThreads - 1) / kThreads, 1, 65535));
  uniforms_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(places, streams,
                                                                              width, out);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    throw Error(message("uniforms: the launch was refused: ", cudaGetErrorString(status)));
}

}  // namespace lldm::cuda
