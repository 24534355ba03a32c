// SPDX-License-Identifier: MIT
#include "lldm/objective/sppo_hard.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/square.h>

namespace lldm {

at::Tensor SppoHard::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores));
  const double target = 1.0 / (2.0 * beta());
  return (chosen - target).square() + (rejected + target).square();
}

}  // namespace lldm
