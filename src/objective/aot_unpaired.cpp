// SPDX-License-Identifier: MIT
#include "lldm/objective/aot_unpaired.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sort.h>

#include <tuple>

namespace lldm {

at::Tensor AotUnpaired::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores));
  return smoothed_log_sigmoid(
      (std::get<0>(at::sort(chosen)) - std::get<0>(at::sort(rejected))) * beta(),
      options().label_smoothing);
}

}  // namespace lldm
