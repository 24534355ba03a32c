// SPDX-License-Identifier: MIT
#include "lldm/objective/hinge.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>

namespace lldm {

at::Tensor Hinge::losses(const ScoreSet& scores) const {
  return at::relu(1.0 - margins(scores) * beta());
}

}  // namespace lldm
