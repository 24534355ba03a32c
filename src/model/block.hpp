// SPDX-License-Identifier: MIT
// One transformer block on packed rows, in the forms that exist of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lldm/model/transformer.hpp"

namespace lldm {

/// What a block needs to know besides its weights and rows.
struct BlockContext {
  std::vector<std::int64_t> offsets;  // [B + 1]
  at::Tensor visible;                 // [N] bool, or undefined
  at::Tensor cosines, sines;          // [head_width / 2, >= max length], in the rows' dtype
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  double eps = 0;                       // of every norm
  at::ScalarType compute = at::kFloat;  // what the products' inputs are rounded to
  Recomputation recomputation = Recomputation::none;
  std::vector<AttentionPattern> patterns = {};  // [B], or empty: every sequence is seen whole
  /// [B] of what an update's dropout is drawn, or empty: nothing is dropped.
  std::vector<std::uint64_t> dropout_keys = {};
  std::size_t block = 0;  // its number: each draws its own
};

/// rows / rms(rows) * weight, normalised in float32 or wider.  [N, D], [D] -> [N, D]
at::Tensor rms_norm(const at::Tensor& rows, const at::Tensor& weight, double eps);

/// x + attention(norm(x)), then + SwiGLU(norm(.)).  [N, D] -> [N, D].  On the CPU one autograd node
/// with its own backward; elsewhere, and where sequences have patterns, `block_by_operations`.
at::Tensor block_forward(const WeightStore& store, std::size_t block, const BlockAdapters& adapters,
                         const at::Tensor& rows, const BlockContext& context);

/// The same mathematics as differentiable tensor operations, on any device.  Products of bfloat16
/// are rounded to it, as a product of such tensors is.
at::Tensor block_by_operations(const BlockWeights& block, const BlockAdapters& adapters,
                               const at::Tensor& rows, const BlockContext& context);
/// With recomputation (selective as full) it keeps the rows alone and is run again in the backward
/// pass.
at::Tensor block_by_operations(const WeightStore& store, std::size_t block,
                               const BlockAdapters& adapters, const at::Tensor& rows,
                               const BlockContext& context);
at::Tensor rms_norm_by_operations(const at::Tensor& rows, const at::Tensor& weight, double eps);

}  // namespace lldm
