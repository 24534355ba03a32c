// SPDX-License-Identifier: MIT
// NormalFloat4 with double quantization: Dettmers et al. 2023, arXiv:2305.14314; codes and layout
// are those of bitsandbytes.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace lldm {

inline constexpr std::int64_t kNf4Block = 64;  // consecutive numbers of the row-major matrix

/// The 16 values, ascending.
extern const std::array<float, 16> kNf4Values;

/// Codes of `values` (float32, contiguous, any number) into `bytes` from its front: two a byte, the
/// first in the high half.  `absmax` gets the largest magnitude of every block of 64.
void nf4_encode(const at::Tensor& values, std::uint8_t* bytes, float* absmax);
/// Numbers [begin, end) of the row-major matrix.  `absmax`: of the blocks, from the first one on.
void nf4_decode(const std::uint8_t* bytes, const float* absmax, std::int64_t begin,
                std::int64_t end, float* out);

/// The second quantization, of absmax [blocks]: codes into `codes`; nested[0] is the mean that is
/// taken off, nested[1 + i] the scale of codes [256 i, 256 (i + 1)).
void nf4_encode_absmax(const at::Tensor& absmax, std::uint8_t* codes, float* nested);
/// absmax of blocks [begin, end).
void nf4_decode_absmax(const std::uint8_t* codes, const float* nested, std::int64_t begin,
                       std::int64_t end, float* out);

}  // namespace lldm
