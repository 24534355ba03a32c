// SPDX-License-Identifier: MIT
#include "lldm/memory/flat_tensors.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

namespace lldm {
namespace {

constexpr std::int64_t kAlignment = 64;  // bytes: what an allocation of its own would have

struct Group {
  at::TensorOptions options;
  std::int64_t elements = 0;

  [[nodiscard]] bool takes(const at::Tensor& tensor) const {
    return options.dtype() == tensor.dtype() && options.device() == tensor.device();
  }
  /// Where a tensor begins that is put behind the others.
  std::int64_t add(const at::Tensor& tensor) {
    const std::int64_t begin = elements,
                       step = kAlignment / static_cast<std::int64_t>(tensor.element_size());
    elements += (tensor.numel() + step - 1) / step * step;
    return begin;
  }
};

}  // namespace

FlatTensors FlatTensors::zeros_like(const std::vector<at::Tensor>& like) {
  struct Place {
    std::size_t group;
    std::int64_t begin;
  };
  std::vector<Group> groups;
  std::vector<Place> places;
  for (const auto& tensor : like) {
    std::size_t g = 0;
    while (g < groups.size() && !groups[g].takes(tensor)) ++g;
    if (g == groups.size())
      groups.push_back({at::TensorOptions(tensor.dtype()).device(tensor.device())});
    places.push_back({g, groups[g].add(tensor)});
  }
  FlatTensors flat;
  for (const auto& group : groups)
    flat.wholes_.push_back(at::zeros({group.elements}, group.options));
  for (std::size_t i = 0; i < like.size(); ++i)
    // variable_data: a version counter of its own, as a tensor of its own would have.
    flat.parts_.push_back(flat.wholes_[places[i].group]
                              .narrow(0, places[i].begin, like[i].numel())
                              .view(like[i].sizes())
                              .variable_data());
  return flat;
}

void FlatTensors::zero() const {
  const c10::NoGradGuard no_grad;
  for (const auto& whole : wholes_) at::Tensor(whole).zero_();
}

}  // namespace lldm
