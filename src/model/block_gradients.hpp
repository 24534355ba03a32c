// SPDX-License-Identifier: MIT
// What the fused block's backward hands out, and the low-rank updates beside its matrices.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <vector>

#include "model/block_projections.hpp"

namespace lldm {

/// The tensors of a block that a gradient can reach: its plain weights in kBlockTensors' order,
/// then A and B of every update.
std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters);

/// The gradients of one node by argument of its forward: rows, the variables, and one argument
/// without a gradient.
class Gradients {
 public:
  Gradients(const torch::autograd::AutogradContext& node, const BlockWeights& weights,
            const BlockAdapters& adapters);

  at::Tensor& rows() { return list_[0]; }
  /// False of a weight that the family does not have.
  [[nodiscard]] bool wants(auto member) const {
    const std::size_t place = places_[place_of(member)];
    return place > 0 && node_.needs_input_grad(place);
  }
  /// Nothing of a weight that no gradient reaches.
  void set(auto member, const at::Tensor& value) {
    if (const std::size_t place = places_[place_of(member)]; place > 0) list_[place] = value;
  }
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
/// dx += scale (dy B) A in place, times the mask of its dropout where that is defined: [N, in],
/// [N, out].
void add_input_gradient(at::Tensor dx, const Lora& lora, const at::Tensor& dy,
                        const at::Tensor& mask);

}  // namespace lldm
