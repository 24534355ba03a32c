// SPDX-License-Identifier: MIT
// What the fused block keeps between forward and backward.  Private to block_cpu.cpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "model/block_projections.hpp"
#include "model/block_tensors.hpp"

namespace lldm {

/// N tokens, width D, H heads and K key heads of width W, F inside SwiGLU.
struct BlockSaved {
  // Inputs of the node.
  at::Tensor rows;  // [N, D]
  BlockWeights weights;
  BlockAdapters adapters;  // their scales are not saved here
  // Made by the forward.
  at::Tensor attn_scale;   // [N]: 1 / rms of rows
  at::Tensor qkv;          // [(H + 2 K) W, N], before the norms of heads and the rotation
  at::Tensor heads_scale;  // [H + K, 1, N]: 1 / rms of queries and keys; undefined without norms
  at::Tensor attended;     // [H W, N]
  at::Tensor log_sums;     // [H, N]: log-sum-exp of the attention's rows
  at::Tensor middle;       // [N, D]: rows plus attention
  at::Tensor ff_scale;     // [N]: 1 / rms of middle
  at::Tensor gate_up;      // [N, 2 F]: before SiLU
  // Of the context.
  at::Tensor cosines;  // [W / 2, >= longest sequence]
  at::Tensor sines;    // the same
  at::Tensor visible;  // [N] bool, or undefined

  [[nodiscard]] std::vector<at::Tensor> list() const {
    std::vector<at::Tensor> tensors{rows};
    for (const auto& part : kBlockTensors) tensors.push_back(weights.*part.member);
    for (const auto& part : kProjections)
      for (const auto& side : {(adapters.*part.lora).a, (adapters.*part.lora).b})
        tensors.push_back(side);
    for (const auto member : kMade) tensors.push_back(this->*member);
    return tensors;
  }
  /// `tensors` as `list()` gave them.
  static BlockSaved of(const std::vector<at::Tensor>& tensors) {
    BlockSaved saved;
    std::size_t next = 0;
    saved.rows = tensors.at(next++);
    for (const auto& part : kBlockTensors) saved.weights.*part.member = tensors.at(next++);
    for (const auto& part : kProjections) {
      (saved.adapters.*part.lora).a = tensors.at(next++);
      (saved.adapters.*part.lora).b = tensors.at(next++);
    }
    for (const auto member : kMade) saved.*member = tensors.at(next++);
    return saved;
  }

 private:
  static const std::array<at::Tensor BlockSaved::*, 11> kMade;
};

inline constexpr std::array<at::Tensor BlockSaved::*, 11> BlockSaved::kMade = {
    &BlockSaved::attn_scale, &BlockSaved::qkv,    &BlockSaved::heads_scale, &BlockSaved::attended,
    &BlockSaved::log_sums,   &BlockSaved::middle, &BlockSaved::ff_scale,    &BlockSaved::gate_up,
    &BlockSaved::cosines,    &BlockSaved::sines,  &BlockSaved::visible};

}  // namespace lldm
