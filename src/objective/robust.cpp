// SPDX-License-Identifier: MIT
#include "lldm/objective/robust.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>

namespace lldm {

at::Tensor Robust::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const double wrong = options().label_smoothing;
  return (at::log_sigmoid(-margin) * wrong - at::log_sigmoid(margin) * (1.0 - wrong)) /
         (1.0 - 2.0 * wrong);
}

}  // namespace lldm
