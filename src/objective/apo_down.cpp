// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_down.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

namespace lldm {

at::Tensor ApoDown::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return at::sigmoid(chosen) + 1.0 - at::sigmoid(chosen - rejected);
}

}  // namespace lldm
