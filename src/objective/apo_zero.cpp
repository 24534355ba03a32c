// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_zero.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

namespace lldm {

at::Tensor ApoZero::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return 1.0 - at::sigmoid(chosen) + at::sigmoid(rejected);
}

}  // namespace lldm
