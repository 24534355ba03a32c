// SPDX-License-Identifier: MIT
#include "lldm/objective/ipo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/square.h>

namespace lldm {

at::Tensor Ipo::losses(const ScoreSet& scores) const {
  return (margins(scores) - 1.0 / (2.0 * beta())).square();
}

}  // namespace lldm
