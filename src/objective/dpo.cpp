// SPDX-License-Identifier: MIT
#include "lldm/objective/dpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>

namespace lldm {

at::Tensor Dpo::losses(const ScoreSet& scores) const {
  return -at::log_sigmoid(margins(scores) * beta());
}

}  // namespace lldm
