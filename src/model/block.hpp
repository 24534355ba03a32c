// SPDX-License-Identifier: MIT
// One transformer block on packed rows, as one autograd node.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "lldm/model/transformer.hpp"
#include "model/block_parts.hpp"

namespace lldm {

struct AttentionRuns;
class KeptRows;
struct RepeatedRows;

/// What a block needs to know besides its weights and rows.
struct BlockContext {
  const BlockParts* parts = nullptr;  // of the rows' device
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
  bool adds_gradients = false;  // of weights, where they lie (DirectGradients)
  std::shared_ptr<const AttentionRuns> runs = nullptr;  // where parts->prepare makes them
  std::size_t block = 0;                                // its number: each draws its own
  /// [Q] int64 places of the rows that the block gives, or undefined: all.  Keys and values are
  /// made of all; the rest of the block, behind attention, is computed for these alone.
  at::Tensor queried = {};
  std::shared_ptr<KeptRows> kept_rows = nullptr;  // where recomputation is `offload`
  /// Of a first block's rows those that are alike, or null: queries, keys and values are made once
  /// of each kind.
  std::shared_ptr<const RepeatedRows> repeated = nullptr;
};

/// rows / rms(rows) * weight, normalised in float32 or wider.  [N, D], [D] -> [N, D]
at::Tensor rms_norm(const BlockParts& parts, const at::Tensor& rows, const at::Tensor& weight,
                    double eps);

/// x + attention(norm(x)), then + SwiGLU(norm(.)).  [N, D] -> [N, D].  With a backward of its own,
/// on every device.
at::Tensor block_forward(const WeightStore& store, std::size_t block, const BlockAdapters& adapters,
                         const at::Tensor& rows, const BlockContext& context);

}  // namespace lldm
