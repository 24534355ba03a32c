// SPDX-License-Identifier: MIT
#include "model/block_gradients.hpp"

#include <ATen/ops/mm.h>

namespace lldm {

std::vector<at::Tensor> variables_of(const BlockWeights& weights, const BlockAdapters& adapters) {
  std::vector<at::Tensor> list;
  for (const auto& part : kBlockTensors)
    if ((weights.*part.member).defined()) list.push_back(weights.*part.member);
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
    if ((weights.*kBlockTensors[i].member).defined()) places_[i] = next++;
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    if ((adapters.*kProjections[i].lora).a.defined()) {
      updates_[i] = next;
      next += 2;
    }
  list_.resize(next + 3);
}

void Gradients::split(const at::Tensor& whole, const BlockWeights& weights,
                      std::initializer_list<at::Tensor BlockWeights::*> members) {
  std::int64_t begin = 0;
  for (const auto member : members) {
    const std::int64_t size = (weights.*member).size(0);
    set(member, whole.narrow(0, begin, size));
    begin += size;
  }
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

void add_input_gradient(at::Tensor dx, const Lora& lora, const at::Tensor& dy) {
  if (lora.a.defined()) dx.addmm_(at::mm(dy, lora.b), lora.a, 1, lora.scale);
}

void add_qkv_updates(const at::Tensor& qkv, const BlockWeights& weights,
                     const BlockAdapters& adapters, const at::Tensor& normed) {
  each_qkv_update(qkv, weights, adapters,
                  [&](Lora BlockAdapters::*, const Lora& lora, const at::Tensor& rows) {
                    add_update(rows.t(), lora, normed);
                  });
}

std::vector<double> scales_of(const BlockAdapters& adapters) {
  std::vector<double> scales;
  for (const auto& part : kProjections) scales.push_back((adapters.*part.lora).scale);
  return scales;
}

void set_scales(BlockAdapters& adapters, const std::vector<double>& scales) {
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    (adapters.*kProjections[i].lora).scale = scales[i];
}

}  // namespace lldm
