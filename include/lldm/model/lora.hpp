// SPDX-License-Identifier: MIT
// Low-rank adaptation: Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023,
// arXiv:2312.03732.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lldm {

/// The update of one matrix W [out, in], kept beside it: y = x W^T + scale (x A^T) B^T.
struct Lora {
  at::Tensor a, b;  // [r, in], [out, r]; undefined: none
  double scale = 1;
  double dropout = 0;  // share of x's numbers that a training step hides from the update
};

/// Those of one block, under the names of BlockWeights.
struct BlockAdapters {
  Lora q_proj, k_proj, v_proj, qkv_proj, attn_out, ff_proj, up_proj, ff_out;
};

/// A fresh adapter.
struct LoraOptions {
  std::int64_t rank = 16;
  double alpha = 32;
  double dropout = 0;               // in [0, 1): numbers hidden from the update while it is trained
  bool is_rank_stabilized = false;  // scale is alpha / sqrt(rank) instead of alpha / rank
  /// Ends of module names ("q_proj"); empty: every matrix of every block.
  std::vector<std::string> targets = {};
};

/// The update of one matrix by its name in the model folder.
struct LoraUpdate {
  std::string weight;
  at::Tensor a, b;  // [r, in], [out, r]
  double scale = 1;
  double dropout = 0;
};

/// Adds `update` to its matrix, in place: weight [out, in] += scale B A, computed in its dtype.  A
/// base and an update become one matrix nowhere else.
void add_update(const at::Tensor& weight, const LoraUpdate& update);

}  // namespace lldm
