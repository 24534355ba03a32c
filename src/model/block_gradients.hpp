// SPDX-License-Identifier: MIT
// What the fused block's backward hands out, and the low-rank updates beside its matrices.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <vector>

#include "model/block_projections.hpp"
#include "model/direct_gradients.hpp"

namespace lldm {

/// The tensors of a block that a gradient can reach: its plain weights in kBlockTensors' order,
/// then A and B of every update.
std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters);

/// The gradients of one node by argument of its forward: rows, the variables, and one argument
/// without a gradient.
class Gradients {
 public:
  /// `adds`: what has a .grad is added to it, and not handed out.
  Gradients(const torch::autograd::AutogradContext& node, const BlockWeights& weights,
            const BlockAdapters& adapters, bool adds);

  at::Tensor& rows() { return list_[0]; }
  /// False where the rows are those of an embedding that is not trained.
  [[nodiscard]] bool wants_rows() const { return node_.needs_input_grad(0); }
  /// False of a weight that the family does not have.
  [[nodiscard]] bool wants(auto member) const {
    const std::size_t place = places_[place_of(member)];
    return place > 0 && node_.needs_input_grad(place);
  }
  /// Nothing of a weight that no gradient reaches.
  void set(auto member, const at::Tensor& value) { put(places_[place_of(member)], value); }
  /// Where that of a weight is added; undefined where it is handed out or not wanted.
  [[nodiscard]] at::Tensor target(auto member) const {
    return wants(member) ? target_of(places_[place_of(member)]) : at::Tensor();
  }
  /// Whether a gradient reaches A or B of an update.
  [[nodiscard]] bool wants_update(Lora BlockAdapters::* member) const {
    const std::size_t place = updates_[place_of(member)];
    return place > 0 && (node_.needs_input_grad(place) || node_.needs_input_grad(place + 1));
  }
  /// Of A and B.
  void set_update(Lora BlockAdapters::* member, const at::Tensor& a, const at::Tensor& b) {
    const std::size_t place = updates_[place_of(member)];
    put(place, a);
    put(place + 1, b);
  }
  torch::autograd::variable_list& list() { return list_; }

 private:
  [[nodiscard]] at::Tensor target_of(std::size_t place) const {
    return DirectGradients::target(variables_[place - 1], adds_);
  }
  void put(std::size_t place, const at::Tensor& value) {
    if (place == 0 || !node_.needs_input_grad(place)) return;
    if (const at::Tensor target = target_of(place); target.defined())
      add_gradient(target, value);
    else
      list_[place] = value;
  }

  const torch::autograd::AutogradContext& node_;
  bool adds_;
  std::vector<at::Tensor> variables_;
  std::array<std::size_t, kBlockTensors.size()> places_{};  // 0: none
  std::array<std::size_t, kProjections.size()> updates_{};  // of A, B behind it; 0: none
  torch::autograd::variable_list list_;
};

}  // namespace lldm
