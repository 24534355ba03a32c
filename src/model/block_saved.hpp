// SPDX-License-Identifier: MIT
// What the fused block keeps between forward and backward.  Private to block_cpu.cpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

namespace lldm {

/// N tokens, width D, H heads and K key heads of width W, F inside SwiGLU.
struct BlockSaved {
  // Inputs of the node.
  at::Tensor rows;       // [N, D]
  at::Tensor attn_norm;  // [D]
  at::Tensor q_proj;     // [H W, D]
  at::Tensor k_proj;     // [K W, D]
  at::Tensor v_proj;     // [K W, D]
  at::Tensor attn_out;   // [D, H W]
  at::Tensor ff_norm;    // [D]
  at::Tensor ff_proj;    // [F, D]
  at::Tensor up_proj;    // [F, D]
  at::Tensor ff_out;     // [D, F]
  // Made by the forward.
  at::Tensor attn_scale;  // [N]: 1 / rms of rows
  at::Tensor qkv;         // [(H + 2 K) W, N], before the rotation
  at::Tensor attended;    // [H W, N]
  at::Tensor log_sums;    // [H, N]: log-sum-exp of the attention's rows
  at::Tensor middle;      // [N, D]: rows plus attention
  at::Tensor ff_scale;    // [N]: 1 / rms of middle
  at::Tensor gate_up;     // [N, 2 F]: before SiLU
  // Of the context.
  at::Tensor cosines;  // [W / 2, >= longest sequence]
  at::Tensor sines;    // the same
  at::Tensor visible;  // [N] bool, or undefined

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
  static const std::array<at::Tensor BlockSaved::*, 20> kMembers;
};

inline constexpr std::array<at::Tensor BlockSaved::*, 20> BlockSaved::kMembers = {
    &BlockSaved::rows,     &BlockSaved::attn_norm, &BlockSaved::q_proj,     &BlockSaved::k_proj,
    &BlockSaved::v_proj,   &BlockSaved::attn_out,  &BlockSaved::ff_norm,    &BlockSaved::ff_proj,
    &BlockSaved::up_proj,  &BlockSaved::ff_out,    &BlockSaved::attn_scale, &BlockSaved::qkv,
    &BlockSaved::attended, &BlockSaved::log_sums,  &BlockSaved::middle,     &BlockSaved::ff_scale,
    &BlockSaved::gate_up,  &BlockSaved::cosines,   &BlockSaved::sines,      &BlockSaved::visible};

}  // namespace lldm
