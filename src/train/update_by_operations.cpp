// SPDX-License-Identifier: MIT
#include "train/update_by_operations.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <vector>

#include "lldm/errors.hpp"
#include "train/dynamic_codes.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kWord = 0xffffffffLL;

at::Tensor low_word(const at::Tensor& x) { return x.bitwise_and(kWord); }
at::Tensor high_word(const at::Tensor& x) { return x.__rshift__(32).bitwise_and(kWord); }

/// Philox4x32-10 of counters (c0, c1, tensor, step).
std::vector<at::Tensor> philox(const RandomPlace& place, at::Tensor c0, at::Tensor c1) {
  at::Tensor c2 = at::full_like(c0, static_cast<std::int64_t>(place.tensor)),
             c3 = at::full_like(c0, static_cast<std::int64_t>(place.step));
  auto k0 = static_cast<std::uint32_t>(place.key), k1 = static_cast<std::uint32_t>(place.key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const at::Tensor a = c0 * static_cast<std::int64_t>(kPhiloxFactor0),
                     b = c2 * static_cast<std::int64_t>(kPhiloxFactor1);
    c0 = high_word(b).bitwise_xor(c1).bitwise_xor(static_cast<std::int64_t>(k0));
    c1 = low_word(b);
    c2 = high_word(a).bitwise_xor(c3).bitwise_xor(static_cast<std::int64_t>(k1));
    c3 = low_word(a);
    k0 += kPhiloxKeyStep0, k1 += kPhiloxKeyStep1;
  }
  return {c0, c1, c2, c3};
}

at::Tensor on_device(const float* values, std::int64_t count, at::Device device) {
  return at::from_blob(const_cast<float*>(values), {count}, at::TensorOptions(at::kFloat))
      .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

/// [blocks, 256] of a flat tensor, zeros behind it.
at::Tensor in_blocks(const at::Tensor& flat) {
  const std::int64_t rest = flat.numel() % kDynamicBlockNumbers;
  return (rest == 0 ? flat : at::constant_pad_nd(flat, {0, kDynamicBlockNumbers - rest}))
      .view({-1, kDynamicBlockNumbers});
}

}  // namespace

at::Tensor random_bits(const RandomPlace& place, std::int64_t begin, std::int64_t count,
                       at::Device device) {
  if (begin % kRandomGroup != 0)
    throw ShapeError(
        message("random_bits: begin must be a multiple of ", kRandomGroup, ", got ", begin));
  const std::int64_t groups = (count + kRandomGroup - 1) / kRandomGroup;
  const at::Tensor at = at::arange(begin / 2, begin / 2 + groups * kRandomLanes,
                                   at::TensorOptions(at::kLong).device(device));
  const std::vector<at::Tensor> words = philox(place, low_word(at), high_word(at));
  const auto joined = [&](std::size_t first, std::size_t second) {
    return at::stack({words[first].view({groups, kRandomLanes}),
                      words[second].view({groups, kRandomLanes})},
                     1)
        .view({-1})
        .narrow(0, 0, count);
  };
  return at::stack({joined(0, 2), joined(1, 3)});
}

at::Tensor rounded(const at::Tensor& numbers, const at::Tensor& bits, RoundedPart part) {
  const at::Tensor words = bits.select(0, part == RoundedPart::second ? 1 : 0);
  const at::Tensor draw =
      part == RoundedPart::first ? words.__rshift__(16) : words.bitwise_and(0xffff);
  const at::Tensor sum = numbers.contiguous().view(at::kInt).to(at::kLong) + draw;
  // Sign-extended, so that the cast keeps the bits.
  return sum.__rshift__(16).to(at::kShort).view(at::kBFloat16);
}

at::Tensor updated(const AdamWFactors& factors, const at::Tensor& value, const at::Tensor& gradient,
                   at::Tensor first, at::Tensor second) {
  const at::Tensor g = gradient * factors.scale;
  first.add_((g - first).mul_(factors.first_share));
  second.mul_(factors.beta2).add_((g * g).mul_(factors.second_share));
  const at::Tensor divisor = second.sqrt().mul_(factors.inverse_root).add_(factors.epsilon);
  return value * factors.keep - (first / divisor).mul_(factors.rate);
}

void adamw_bfloat16(const AdamWFactors& factors, const RandomPlace& place, std::int64_t begin,
                    std::int64_t end, const at::Tensor& value, const at::Tensor& gradient,
                    const at::Tensor& first, const at::Tensor& second) {
  const std::int64_t count = end - begin;
  const auto part = [&](const at::Tensor& flat) { return flat.narrow(0, begin, count); };
  const at::Tensor bits = random_bits(place, begin, count, value.device());
  at::Tensor m = part(first).to(at::kFloat), v = part(second).to(at::kFloat);
  const at::Tensor w =
      updated(factors, part(value).to(at::kFloat), part(gradient).to(at::kFloat), m, v);
  part(value).copy_(rounded(w, bits, RoundedPart::weight));
  part(first).copy_(rounded(m, bits, RoundedPart::first));
  part(second).copy_(rounded(v, bits, RoundedPart::second));
}

DynamicMap::DynamicMap(at::Device device, bool is_signed_map) : is_signed(is_signed_map) {
  const DynamicTables& tables = dynamic_tables();
  values = on_device(is_signed ? tables.first_values : tables.second_values, 256, device);
  middles = is_signed ? on_device(tables.first_middles, 255 - kSignedZero, device)
                      : on_device(tables.second_middles, 255, device);
}

at::Tensor dynamic_decoded(const at::Tensor& codes, const at::Tensor& scales,
                           const DynamicMap& map) {
  const at::Tensor values = map.values.index_select(0, codes.to(at::kInt));
  return (in_blocks(values) * scales.unsqueeze(1)).view({-1}).narrow(0, 0, codes.numel());
}

void dynamic_encode(const at::Tensor& numbers, at::Tensor codes, at::Tensor scales,
                    const DynamicMap& map) {
  const at::Tensor blocks = in_blocks(numbers);
  const at::Tensor largest = blocks.abs().amax({1});
  scales.copy_(largest);
  const at::Tensor divisor = at::where(largest.gt(0), largest, at::full_like(largest, 1));
  const at::Tensor x = (blocks / divisor.unsqueeze(1)).view({-1}).narrow(0, 0, numbers.numel());
  const at::Tensor place = at::bucketize(x.abs(), map.middles, /*out_int32=*/true);
  if (map.is_signed) {
    const at::Tensor below = kSignedZero - place.clamp_max(kSignedZero);
    codes.copy_(at::where(x.lt(0), below, place + kSignedZero));
  } else {
    codes.copy_(at::where(x.gt(0), place.clamp_min(1), place));
  }
}

}  // namespace lldm
