// SPDX-License-Identifier: MIT
// What the fused block's backward hands out, and the low-rank updates beside its matrices.  Private
// to block_cpu.cpp.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <vector>

#include "model/block_projections.hpp"

namespace lldm {

/// The tensors that a block has: its weights in kBlockTensors' order, then A and B of every update.
std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters);

/// The gradients of one node by argument of its forward: rows, the variables, and three arguments
/// without a gradient (context, weights, adapters).
class Gradients {
 public:
  Gradients(const torch::autograd::AutogradContext& node, const BlockWeights& weights,
            const BlockAdapters& adapters);

  at::Tensor& rows() { return list_[0]; }
  /// False of a weight that the family does not have.
  [[nodiscard]] bool wants(at::Tensor BlockWeights::* member) const {
    const std::size_t place = places_[place_of(member)];
    return place > 0 && node_.needs_input_grad(place);
  }
  void set(at::Tensor BlockWeights::* member, const at::Tensor& value) {
    list_[places_[place_of(member)]] = value;
  }
  /// Hands out the pieces of a gradient of several parts that lie behind one another.
  void split(const at::Tensor& whole, const BlockWeights& weights,
             std::initializer_list<at::Tensor BlockWeights::*> members);
  /// Of an update y += scale (x A^T) B^T with x [N, in] and dy [N, out]; nothing where there is
  /// none, or nobody wants it.
  void set_update(Lora BlockAdapters::* member, const Lora& lora, const at::Tensor& x,
                  const at::Tensor& dy);
  torch::autograd::variable_list& list() { return list_; }

 private:
  const torch::autograd::AutogradContext& node_;
  std::array<std::size_t, kBlockTensors.size()> places_{};  // 0: none
  std::array<std::size_t, kProjections.size()> updates_{};  // of A, B behind it; 0: none
  torch::autograd::variable_list list_;
};

/// y += scale (x A^T) B^T in place, where there is an update: [N, out], [N, in].
void add_update(at::Tensor y, const Lora& lora, const at::Tensor& x);
/// dx += scale (dy B) A in place, where there is an update: [N, in], [N, out].
void add_input_gradient(at::Tensor dx, const Lora& lora, const at::Tensor& dy);

/// Calls use(member, update, rows of `columns`) for every update of q, k and v, or of the one
/// matrix that holds them: `columns` [(H + 2 K) W, N].
void each_qkv_update(const at::Tensor& columns, const BlockWeights& weights,
                     const BlockAdapters& adapters, const auto& use) {
  if (weights.qkv_proj.defined()) {
    if (adapters.qkv_proj.a.defined()) use(&BlockAdapters::qkv_proj, adapters.qkv_proj, columns);
    return;
  }
  std::int64_t begin = 0;
  for (const std::size_t i : {0, 1, 2}) {
    const Projection& part = kProjections[i];
    const std::int64_t size = (weights.*part.weight).size(0);
    if ((adapters.*part.lora).a.defined())
      use(part.lora, adapters.*part.lora, columns.narrow(0, begin, size));
    begin += size;
  }
}
void add_qkv_updates(const at::Tensor& qkv, const BlockWeights& weights,
                     const BlockAdapters& adapters, const at::Tensor& normed);

std::vector<double> scales_of(const BlockAdapters& adapters);
void set_scales(BlockAdapters& adapters, const std::vector<double>& scales);

}  // namespace lldm
