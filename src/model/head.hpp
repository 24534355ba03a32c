// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace lldm {

/// log softmax(rows weight^T)[target] with the excluded column at -inf: [Q, D], [E, D], [Q] -> [Q].
/// One autograd node; logits exist for one chunk of rows (about 16 MiB) at a time, in both
/// directions.
at::Tensor head_log_probabilities(const at::Tensor& rows, const at::Tensor& weight,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded);

}  // namespace lldm
