// SPDX-License-Identifier: MIT
#include "model/block_gradients.hpp"

namespace lldm {

std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters) {
  std::vector<at::Tensor> list;
  for (const auto& part : kBlockTensors)
    if (auto value = part.trainable(weights); value.defined()) list.push_back(std::move(value));
  for (const auto& part : kProjections)
    if (const Lora& lora = adapters.*part.lora; lora.a.defined()) {
      list.push_back(lora.a);
      list.push_back(lora.b);
    }
  return list;
}

Gradients::Gradients(const torch::autograd::AutogradContext& node, const BlockWeights& weights,
                     const BlockAdapters& adapters, bool adds)
    : node_(node), adds_(adds), variables_(variables_of(weights, adapters)) {
  std::size_t next = 1;
  for (std::size_t i = 0; i < kBlockTensors.size(); ++i)
    if (kBlockTensors[i].trainable(weights).defined()) places_[i] = next++;
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    if ((adapters.*kProjections[i].lora).a.defined()) {
      updates_[i] = next;
      next += 2;
    }
  list_.resize(next + 1);
}

}  // namespace lldm
