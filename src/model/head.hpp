// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "lldm/model/matrix.hpp"
#include "model/head_chunks.hpp"

namespace lldm {

/// rows head^T in the rows' dtype: [Q, D], [E, D] -> [Q, E].  `compute`, here and below: what rows
/// and head are rounded to for the product on a GPU that gives float32 of it (device_products.hpp);
/// elsewhere the head multiplies in the rows' dtype.
at::Tensor head_logits(const at::Tensor& rows, const Matrix& head, at::ScalarType compute);

/// log softmax(rows head^T)[target] with the excluded column at -inf: [Q, D], [E, D], [Q] -> [Q].
/// One autograd node; of a plain head logits exist for one chunk of rows at a time, in both
/// directions.  One in another storage, or rounded, is decoded a slice of kHeadChunkBytes at a
/// time, with running sums over the slices; a gradient reaches one in bfloat16.
at::Tensor head_log_probabilities(const at::Tensor& rows, const Matrix& head,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded,
                                  at::ScalarType compute);

}  // namespace lldm
