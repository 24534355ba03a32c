// SPDX-License-Identifier: MIT
// Weights in nf4 as numbers, on a device: by a library, by our kernel, or by tensor operations.
// All give the bits of nf4.hpp's loops.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "memory/bitsandbytes.hpp"
#include "memory/cuda_library.hpp"

namespace lldm {

/// A whole matrix as it lies in memory: uint8 [ceil(N / 2)], uint8 [blocks of 64], float32
/// [1 + blocks of 64 * 256].
struct Nf4Codes {
  at::Tensor bytes, scales, nested;
};

/// Numbers [begin, end) of the row-major matrix, in float32 or bfloat16.
using Nf4Decode = std::function<at::Tensor(const Nf4Codes&, std::int64_t begin, std::int64_t end,
                                           at::ScalarType)>;

/// By what this process decodes on a GPU: bitsandbytes where it is there, else our kernel, each
/// after a trial at the first call; else, and on every other device, by operations.
/// Cost  by a library or the kernel no wait for the device, and 4 bytes a block of 64 beside the
///       result or nothing.
[[nodiscard]] at::Tensor nf4_on_device(const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                                       at::ScalarType dtype);
/// "bitsandbytes", "our kernel" or "operations" and why; empty before the first call on a GPU.
[[nodiscard]] std::string nf4_decoder_text();

/// `count` numbers at most are given to the library at once: it counts in 32 bits.
inline constexpr std::int64_t kNf4NumbersOfCall = std::int64_t{1} << 28;
[[nodiscard]] at::Tensor nf4_by_bitsandbytes(const memory::Bitsandbytes& library, void* stream,
                                             const Nf4Codes& matrix, std::int64_t begin,
                                             std::int64_t end, at::ScalarType dtype,
                                             std::int64_t numbers_of_call = kNf4NumbersOfCall);
[[nodiscard]] at::Tensor nf4_by_kernel(const memory::CudaFunctions::Kernels& kernels, void* stream,
                                       const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                                       at::ScalarType dtype);

/// Whether `decode` gives the host's bits on `device`, of a small matrix and of parts of it: empty,
/// or what was wrong.
[[nodiscard]] std::string nf4_trial(at::Device device, const Nf4Decode& decode);

}  // namespace lldm
