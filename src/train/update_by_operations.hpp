// SPDX-License-Identifier: MIT
// The kernels' mathematics as tensor operations, for any device: the same bits where its root
// is the nearest one.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/kernels/adamw.hpp"

namespace lldm {

/// Numbers whose float32 copies are held at once on a device.
inline constexpr std::int64_t kDevicePartNumbers = std::int64_t{1} << 22;

/// Which of a number's random bits round it.
enum class RoundedPart : std::uint8_t { weight, first, second };

/// Random bits of numbers [begin, begin + count) of a tensor, as int64 [2, count] in [0, 2^32):
/// `low` and `high` of random_bits.
/// Errors  ShapeError unless begin is a multiple of kRandomGroup.
[[nodiscard]] at::Tensor random_bits(const RandomPlace& place, std::int64_t begin,
                                     std::int64_t count, at::Device device);
/// `numbers` [count] float32 in bfloat16, up or down by those bits.
[[nodiscard]] at::Tensor rounded(const at::Tensor& numbers, const at::Tensor& bits,
                                 RoundedPart part);

/// One AdamW update of float32 tensors of one shape; moments in place.  Returns the new weights.
[[nodiscard]] at::Tensor updated(const AdamWFactors& factors, const at::Tensor& value,
                                 const at::Tensor& gradient, at::Tensor first, at::Tensor second);

/// As adamw_bfloat16, for numbers [begin, end) of flat bfloat16 tensors.
void adamw_bfloat16(const AdamWFactors& factors, const RandomPlace& place, std::int64_t begin,
                    std::int64_t end, const at::Tensor& value, const at::Tensor& gradient,
                    const at::Tensor& first, const at::Tensor& second);

/// A dynamic map on a device: copied there once.
struct DynamicMap {
  DynamicMap(at::Device device, bool is_signed);
  bool is_signed;
  at::Tensor values;   // [256] float32
  at::Tensor middles;  // between its magnitudes, from 0 up
};
/// Codes [count] uint8 and scales [blocks] to numbers, and back; the last block may be short.
[[nodiscard]] at::Tensor dynamic_decoded(const at::Tensor& codes, const at::Tensor& scales,
                                         const DynamicMap& map);
void dynamic_encode(const at::Tensor& numbers, at::Tensor codes, at::Tensor scales,
                    const DynamicMap& map);

}  // namespace lldm
