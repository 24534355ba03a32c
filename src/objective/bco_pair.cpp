// SPDX-License-Identifier: MIT
#include "lldm/objective/bco_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mean.h>

namespace lldm {

at::Tensor BcoPair::losses(const ScoreSet& scores) const {
  at::Tensor rewards = ratios(scores) * beta();
  if (options().baseline == BcoBaseline::step_mean) rewards = rewards - rewards.detach().mean();
  const auto [chosen, rejected] = columns_of(rewards);
  return -at::log_sigmoid(chosen) - at::log_sigmoid(-rejected);
}

}  // namespace lldm
