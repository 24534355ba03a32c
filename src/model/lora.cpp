// SPDX-License-Identifier: MIT
#include "lldm/model/lora.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

namespace lldm {

void add_update(const at::Tensor& weight, const LoraUpdate& update) {
  const c10::NoGradGuard no_gradient;
  const auto type = weight.scalar_type();
  const auto product = at::mm(update.b.to(type), update.a.to(type));
  at::Tensor(weight).add_(product.to(weight.device()), update.scale);
}

}  // namespace lldm
