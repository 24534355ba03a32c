// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace lldm {

/// Bytes of logits that exist at a time; the memory planner counts with it.
inline constexpr std::int64_t kHeadChunkBytes = std::int64_t{16} << 20;

/// log softmax(rows weight^T)[target] with the excluded column at -inf: [Q, D], [E, D], [Q] -> [Q].
/// One autograd node; logits exist for one chunk of rows (about kHeadChunkBytes) at a time, in both
/// directions.
at::Tensor head_log_probabilities(const at::Tensor& rows, const at::Tensor& weight,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded);

}  // namespace lldm
