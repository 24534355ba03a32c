// SPDX-License-Identifier: MIT
// A sampler's noise, made where the logits are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "draws/stream_place.hpp"

namespace lldm {

/// The first `width` numbers of Stream::uniform_open of every stream, with its bits: by a kernel on
/// a GPU, to which 16 bytes a stream are copied, else by the kernel's mathematics in a loop.
///
/// Shapes  [streams, width] float64 on `device`.
/// Tests   unit/sampler/device_choice_test.cpp, unit/cuda/philox_test.cpp
[[nodiscard]] at::Tensor uniforms_on(at::Device device, std::span<const StreamPlace> streams,
                                     std::int64_t width);

}  // namespace lldm
