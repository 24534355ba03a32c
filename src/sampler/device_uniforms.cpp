// SPDX-License-Identifier: MIT
#include "sampler/device_uniforms.hpp"

#include <ATen/ops/empty.h>

#include <cstring>

#include "draws/philox.hpp"
#include "memory/cuda_library.hpp"

namespace lldm {
namespace {

at::Tensor by_kernel(const memory::CudaFunctions& cuda, at::Device device,
                     std::span<const StreamPlace> streams, std::int64_t width) {
  const auto count = static_cast<std::int64_t>(streams.size());
  // Locked, so that nobody waits for the copy; LibTorch keeps the memory until it is done.
  const at::Tensor here = at::empty({count, 2}, at::TensorOptions(at::kLong).pinned_memory(true));
  static_assert(sizeof(StreamPlace) == 2 * sizeof(std::int64_t));
  std::memcpy(here.mutable_data_ptr<std::int64_t>(), streams.data(), streams.size_bytes());
  const at::Tensor places = here.to(device, /*non_blocking=*/true);
  at::Tensor out = at::empty({count, width}, at::TensorOptions(at::kDouble).device(device));
  cuda.kernels.uniforms(static_cast<const std::uint64_t*>(places.const_data_ptr()), count, width,
                        out.mutable_data_ptr<double>(), cuda.current_stream());
  return out;
}

}  // namespace

at::Tensor uniforms_on(at::Device device, std::span<const StreamPlace> streams,
                       std::int64_t width) {
  if (device.is_cuda())
    if (const memory::CudaFunctions* cuda = memory::loaded_cuda_functions())
      return by_kernel(*cuda, device, streams, width);
  const at::Tensor out = at::empty({static_cast<std::int64_t>(streams.size()), width}, at::kDouble);
  double* to = out.mutable_data_ptr<double>();
  for (const StreamPlace& stream : streams)
    for (std::int64_t v = 0; v < width; v += 2) {
      const UniformPair made =
          uniform_pair(stream.key, stream.subsequence, static_cast<std::uint64_t>(v / 2));
      *to++ = made.first;
      if (v + 1 < width) *to++ = made.second;
    }
  return out.to(device);
}

}  // namespace lldm
