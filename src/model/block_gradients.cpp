// SPDX-License-Identifier: MIT
#include "model/block_gradients.hpp"

#include <ATen/ops/mm.h>

namespace lldm {

std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters) {
  std::vector<at::Tensor> list;
  for (const auto& part : kBlockTensors)
    if (auto plain = part.plain(weights); plain.defined()) list.push_back(std::move(plain));
  for (const auto& part : kProjections)
    if (const Lora& lora = adapters.*part.lora; lora.a.defined()) {
      list.push_back(lora.a);
      list.push_back(lora.b);
    }
  return list;
}

Gradients::Gradients(const torch::autograd::AutogradContext& node, const BlockWeights& weights,
                     const BlockAdapters& adapters)
    : node_(node) {
  std::size_t next = 1;
  for (std::size_t i = 0; i < kBlockTensors.size(); ++i)
    if (kBlockTensors[i].plain(weights).defined()) places_[i] = next++;
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    if ((adapters.*kProjections[i].lora).a.defined()) {
      updates_[i] = next;
      next += 2;
    }
  list_.resize(next + 1);
}

void Gradients::set_update(Lora BlockAdapters::* member, const Lora& lora, const at::Tensor& x,
                           const at::Tensor& dy) {
  const std::size_t place = updates_[place_of(member)];
  if (place == 0) return;
  if (node_.needs_input_grad(place))
    list_[place] = at::mm(at::mm(dy, lora.b).mul_(lora.scale).t(), x);
  if (node_.needs_input_grad(place + 1))
    list_[place + 1] = at::mm(dy.t(), at::mm(x, lora.a.t()).mul_(lora.scale));
}

void add_update(at::Tensor y, const Lora& lora, const at::Tensor& x) {
  if (lora.a.defined()) y.addmm_(at::mm(x, lora.a.t()), lora.b.t(), 1, lora.scale);
}

void add_input_gradient(at::Tensor dx, const Lora& lora, const at::Tensor& dy,
                        const at::Tensor& mask) {
  if (!mask.defined()) {
    dx.addmm_(at::mm(dy, lora.b), lora.a, 1, lora.scale);
    return;
  }
  dx.add_(at::mm(at::mm(dy, lora.b), lora.a).mul_(mask), lora.scale);
}

}  // namespace lldm
