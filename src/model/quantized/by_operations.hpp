// SPDX-License-Identifier: MIT
// The decoders of int8.hpp and nf4.hpp as tensor operations, for devices that have no loops of
// their own.  The same bits: every number is one product and one sum of the same float32 numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lldm {

/// codes int8 [R, C], absmax float32 [R] -> float32 [R, C], on their device.
at::Tensor int8_by_operations(const at::Tensor& codes, const at::Tensor& absmax);

/// Numbers [begin, end) of the row-major matrix, float32.  bytes uint8 [ceil(N / 2)], scales uint8
/// [blocks of 64], nested float32 [1 + blocks of 64 * 256], on their device.
at::Tensor nf4_by_operations(const at::Tensor& bytes, const at::Tensor& scales,
                             const at::Tensor& nested, std::int64_t begin, std::int64_t end);

}  // namespace lldm
