// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "lldm/model/matrix.hpp"

namespace lldm {

/// Bytes of logits that exist at a time; the memory planner counts with it.
inline constexpr std::int64_t kHeadChunkBytes = std::int64_t{16} << 20;

/// rows head^T in the rows' dtype: [Q, D], [E, D] -> [Q, E].
at::Tensor head_logits(const at::Tensor& rows, const Matrix& head);

/// log softmax(rows head^T)[target] with the excluded column at -inf: [Q, D], [E, D], [Q] -> [Q].
/// One autograd node; of a plain head logits exist for one chunk of rows (about kHeadChunkBytes) at
/// a time, in both directions.  One in another storage is decoded a slice of kHeadChunkBytes at a
/// time, with running sums over the slices: no gradient reaches it.
at::Tensor head_log_probabilities(const at::Tensor& rows, const Matrix& head,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded);

}  // namespace lldm
