// SPDX-License-Identifier: MIT
#include "lldm/objective/discopop.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sigmoid.h>

namespace lldm {

at::Tensor Discopop::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const at::Tensor scaled = margin / options().temperature;
  return -at::log_sigmoid(margin) * at::sigmoid(-scaled) +
         at::exp(at::log_sigmoid(scaled) - margin);
}

}  // namespace lldm
