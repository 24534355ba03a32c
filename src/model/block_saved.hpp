// SPDX-License-Identifier: MIT
// What the fused block keeps between forward and backward.  Private to block_node.cpp.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <vector>

#include "lldm/errors.hpp"
#include "model/block.hpp"
#include "model/block_gradients.hpp"
#include "model/block_projections.hpp"
#include "model/kept_rows.hpp"

namespace lldm {

/// N tokens, width D, H heads and K key heads of width W, F inside SwiGLU.
struct BlockSaved {
  at::Tensor rows;  // [N, D]: the node's input
  // Of the attention's half.
  at::Tensor attn_scale;   // [N]: 1 / rms of rows
  at::Tensor qkv;          // [(H + 2 K) W, N], before the norms of heads and the rotation
  at::Tensor heads_scale;  // [H + K, 1, N]: 1 / rms of queries and keys; undefined without norms
  at::Tensor attended;     // [H W, N]
  at::Tensor log_sums;     // log-sum-exp of the attention's rows (Attended)
  at::Tensor middle;       // [N, D]: rows plus attention; here and below Q rows of a block that
                           // gives no more
  // Of the MLP's.
  at::Tensor ff_scale;  // [N]: 1 / rms of middle
  at::Tensor gate_up;   // [N, 2 F]: before SiLU

  [[nodiscard]] std::vector<at::Tensor> list() const {
    std::vector<at::Tensor> tensors;
    for (const auto member : kMembers) tensors.push_back(this->*member);
    return tensors;
  }
  /// `tensors` as `list()` gave them.
  static BlockSaved of(const std::vector<at::Tensor>& tensors) {
    BlockSaved saved;
    for (std::size_t i = 0; i < kMembers.size(); ++i) saved.*kMembers[i] = tensors.at(i);
    return saved;
  }

 private:
  static const std::array<at::Tensor BlockSaved::*, 9> kMembers;
};

inline constexpr std::array<at::Tensor BlockSaved::*, 9> BlockSaved::kMembers = {
    &BlockSaved::rows,        &BlockSaved::attn_scale, &BlockSaved::qkv,
    &BlockSaved::heads_scale, &BlockSaved::attended,   &BlockSaved::log_sums,
    &BlockSaved::middle,      &BlockSaved::ff_scale,   &BlockSaved::gate_up};

/// One call of a block, as its node keeps it: the store and the block's number instead of weights.
struct BlockCall final : torch::CustomClassHolder {
  BlockCall(const WeightStore& from, std::size_t number, const BlockAdapters& beside,
            const BlockContext& of)
      : store(from.shared_from_this()), block(number), adapters(beside), context(of) {
    context.block = number;
    const auto weights = store->acquire(block);
    versions = versions_of(*weights);
  }

  /// Error if a trained weight was changed since: its gradient would be of neither.
  void require_unchanged(const BlockWeights& weights) const {
    if (versions_of(weights) != versions)
      throw Error(message("Transformer: a weight of block ", block,
                          " was changed between forward and backward"));
  }

  std::shared_ptr<const WeightStore> store;
  std::size_t block;
  BlockAdapters adapters;
  BlockContext context;
  std::vector<std::int64_t> versions;              // of what is trained
  bool has_graph = false;                          // a backward pass may come
  std::shared_ptr<KeptRows::Kept> kept = nullptr;  // the node's input, where the host keeps it

 private:
  [[nodiscard]] std::vector<std::int64_t> versions_of(const BlockWeights& weights) const {
    std::vector<std::int64_t> list;
    for (const auto& variable : variables_of(weights, adapters))
      if (variable.requires_grad()) list.push_back(variable._version());
    return list;
  }
};

}  // namespace lldm
