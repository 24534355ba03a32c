// SPDX-License-Identifier: MIT
// What the fused block's backward hands out, and the low-rank updates beside its matrices.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <utility>
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
  /// Whether a gradient reaches A or B of an update.
  [[nodiscard]] bool wants_update(Lora BlockAdapters::* member) const {
    const std::size_t place = updates_[place_of(member)];
    return place > 0 && (node_.needs_input_grad(place) || node_.needs_input_grad(place + 1));
  }
  /// Of A and B.
  void set_update(Lora BlockAdapters::* member, at::Tensor a, at::Tensor b) {
    const std::size_t place = updates_[place_of(member)];
    list_.at(place) = std::move(a);
    list_.at(place + 1) = std::move(b);
  }
  torch::autograd::variable_list& list() { return list_; }

 private:
  const torch::autograd::AutogradContext& node_;
  std::array<std::size_t, kBlockTensors.size()> places_{};  // 0: none
  std::array<std::size_t, kProjections.size()> updates_{};  // of A, B behind it; 0: none
  torch::autograd::variable_list list_;
};

}  // namespace lldm
