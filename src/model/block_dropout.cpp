// SPDX-License-Identifier: MIT
#include "model/block_dropout.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lldm/draws/stream.hpp"

namespace lldm {

at::Tensor dropout_mask(const BlockContext& context, std::size_t place, const Lora& lora,
                        const at::TensorOptions& options) {
  if (context.dropout_keys.empty() || lora.dropout <= 0) return {};
  const std::int64_t rows = context.offsets.back(), width = lora.a.size(1);
  const auto kept = static_cast<float>(1 / (1 - lora.dropout));
  constexpr double kAllBits = 4294967296.0;  // 2^32
  const auto hidden_below = static_cast<std::uint64_t>(lora.dropout * kAllBits);
  constexpr std::uint64_t kPlaces = 16;  // more than kProjections has
  const std::uint64_t module = context.block * kPlaces + place;
  auto mask = at::empty({rows, width}, at::kFloat);
  float* out = mask.mutable_data_ptr<float>();
  const auto sequences = static_cast<std::int64_t>(context.dropout_keys.size());
  at::parallel_for(0, sequences, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto s = static_cast<std::size_t>(first); s < static_cast<std::size_t>(last); ++s) {
      Stream stream(context.dropout_keys[s], module);
      for (std::int64_t i = context.offsets[s] * width; i < context.offsets[s + 1] * width; ++i)
        out[i] = stream.bits() < hidden_below ? 0.0F : kept;
    }
  });
  return mask.to(options);
}

}  // namespace lldm
