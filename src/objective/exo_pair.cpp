// SPDX-License-Identifier: MIT
#include "lldm/objective/exo_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sigmoid.h>

#include <cmath>

namespace lldm {

at::Tensor ExoPair::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const double eps = options().label_smoothing;
  const at::Tensor won = at::sigmoid(margin) * (at::log_sigmoid(margin) - std::log1p(-eps));
  const at::Tensor lost = at::sigmoid(-margin) * (at::log_sigmoid(-margin) - std::log(eps));
  return won + lost;
}

}  // namespace lldm
