// SPDX-License-Identifier: MIT
#include "lldm/objective/aot.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sort.h>

#include <tuple>

#include "lldm/errors.hpp"

namespace lldm {

at::Tensor Aot::losses(const ScoreSet& scores) const {
  if (!scores.reference.defined()) throw ShapeError("aot: the score set has no reference scores");
  const auto sorted_margins = [&](const at::Tensor& values) {
    const auto [chosen, rejected] =
        columns_of(keys().normalize == Normalize::none ? values : values / scores.lengths);
    return std::get<0>(at::sort(chosen - rejected));
  };
  return smoothed_log_sigmoid(
      (sorted_margins(scores.policy) - sorted_margins(scores.reference)) * beta(),
      options().label_smoothing);
}

}  // namespace lldm
