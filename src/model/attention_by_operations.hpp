// SPDX-License-Identifier: MIT
// Rotary attention as differentiable tensor operations, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "model/block.hpp"

namespace lldm {

/// What of a pack is the same for every block.  Consecutive sequences of equal length and pattern
/// are one batch; nothing is padded.
struct AttentionRuns {
  struct Run {
    std::int64_t begin, rows, batch;
    /// Added to the scores: [batch or 1, 1, L or 1, L]; nothing where all see all.
    std::optional<at::Tensor> mask;
  };
  at::Tensor cosines, sines;  // [N, 1, W / 2], of every token's position
  std::vector<Run> runs;
  at::Tensor offsets;        // [B + 1] int32, on a GPU alone
  std::int64_t longest = 0;  // tokens of a sequence
};
std::shared_ptr<const AttentionRuns> attention_runs(const BlockContext& context);

/// Whether products read 16 bits a number, as attention does then on a GPU.
inline bool is_narrow(at::ScalarType compute) {
  return compute == at::kBFloat16 || compute == at::kHalf;
}

struct AttentionHeads {
  at::Tensor q, k, v;  // [N, H, W], [N, K, W] twice
};
/// qkv [N, (H + 2 K) W], queries and keys rotated by their positions.  Reads context.runs.
AttentionHeads rotated_heads(const at::Tensor& qkv, const BlockContext& context,
                             bool is_interleaved);

/// qkv [N, (H + 2 K) W] before rotation -> [N, H W].  Reads context.runs.
at::Tensor attend_by_operations(const at::Tensor& qkv, const BlockContext& context,
                                bool is_interleaved);

}  // namespace lldm
