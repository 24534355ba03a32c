// SPDX-License-Identifier: MIT
#include "model/quantized/by_operations.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <span>

#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/nf4.hpp"

namespace lldm {
namespace {

constexpr float kLargestCode = 127.0F;

at::Tensor on_device(std::span<const float> values, at::Device device) {
  auto host = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::ranges::copy(values, host.mutable_data_ptr<float>());
  return host.to(device);
}

/// [256, 2]: the values of a byte's two codes.
at::Tensor pairs_of_codes(at::Device device) {
  std::array<float, 512> pairs;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = kNf4Values[byte >> 4];
    pairs[2 * byte + 1] = kNf4Values[byte & 15];
  }
  return on_device(pairs, device).view({256, 2});
}

std::int64_t up(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

/// absmax of blocks [first, last).
at::Tensor absmax_of(const at::Tensor& scales, const at::Tensor& nested, std::int64_t first,
                     std::int64_t last) {
  const std::int64_t group = first / kDynamicBlock, begin = group * kDynamicBlock,
                     groups = up(last, kDynamicBlock) - group;
  const auto codes = scales.narrow(0, begin, std::min(scales.size(0), last) - begin);
  auto values =
      at::index_select(on_device(dynamic_map(true), scales.device()), 0, codes.to(at::kInt));
  const std::int64_t missing = groups * kDynamicBlock - values.size(0);
  if (missing > 0) values = at::constant_pad_nd(values, {0, missing}, 0);
  // Three tensors, not numbers: a product, then a sum, each rounded, as the loop does it.
  const auto by_group =
      values.view({groups, kDynamicBlock}) * nested.narrow(0, 1 + group, groups).unsqueeze(1) +
      nested.narrow(0, 0, 1);
  return by_group.view(-1).narrow(0, first - begin, last - first);
}

}  // namespace

at::Tensor int8_by_operations(const at::Tensor& codes, const at::Tensor& absmax) {
  // By a tensor: a division by a number is a product with its reciprocal on a GPU, other bits.
  const auto scale = absmax / at::full_like(absmax, kLargestCode);
  return codes.to(at::kFloat).mul_(scale.unsqueeze(1));
}

at::Tensor nf4_by_operations(const at::Tensor& bytes, const at::Tensor& scales,
                             const at::Tensor& nested, std::int64_t begin, std::int64_t end) {
  const std::int64_t first = begin / kNf4Block, last = up(end, kNf4Block), from = first * kNf4Block;
  const auto held =
      bytes.narrow(0, from / 2, up(std::min(last * kNf4Block, 2 * bytes.size(0)), 2) - from / 2);
  auto values = at::index_select(pairs_of_codes(bytes.device()), 0, held.to(at::kInt)).view(-1);
  const std::int64_t missing = (last - first) * kNf4Block - values.size(0);
  if (missing > 0) values = at::constant_pad_nd(values, {0, missing}, 0);
  values.view({last - first, kNf4Block}).mul_(absmax_of(scales, nested, first, last).unsqueeze(1));
  return values.narrow(0, begin - from, end - begin);
}

}  // namespace lldm
