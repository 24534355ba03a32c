// SPDX-License-Identifier: MIT
#include "lldm/objective/stepwise_dpo.hpp"

#include <ATen/TensorOperators.h>

#include "objective/evaluation_margins.hpp"

namespace lldm {

at::Tensor StepwiseDpo::losses(const ScoreSet& scores) const {
  return mean_log_sigmoid_losses(evaluation_margins(scores, name()), beta());
}

}  // namespace lldm
