// SPDX-License-Identifier: MIT
#include "lldm/objective/nca_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>

namespace lldm {

at::Tensor NcaPair::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return -at::log_sigmoid(chosen) - 0.5 * at::log_sigmoid(-chosen) -
         0.5 * at::log_sigmoid(-rejected);
}

}  // namespace lldm
