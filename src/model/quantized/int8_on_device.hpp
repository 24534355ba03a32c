// SPDX-License-Identifier: MIT
// Weights in int8 as numbers, on a device: by our kernel or by tensor operations, the bits of
// int8.hpp's loops either way.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

namespace lldm {

/// codes int8 [R, C], absmax float32 [R], both contiguous, on one device -> [R, C] there.
using Int8Decode =
    std::function<at::Tensor(const at::Tensor& codes, const at::Tensor& absmax, at::ScalarType)>;

/// On a GPU by our kernel, after a trial at the first call; where that gave other bits, and on
/// every other device, by operations.
/// Cost  by the kernel no wait for the device, and nothing beside the result (float16: through
///       float32).
[[nodiscard]] at::Tensor int8_on_device(const at::Tensor& codes, const at::Tensor& absmax,
                                        at::ScalarType dtype);
/// "our kernel", or "operations" and why; empty before the first call on a GPU.
[[nodiscard]] std::string int8_decoder_text();

/// Whether `decode` gives the host's bits on `device`, of a small matrix and of some of its rows:
/// empty, or what was wrong.
[[nodiscard]] std::string int8_trial(at::Device device, const Int8Decode& decode);

}  // namespace lldm
