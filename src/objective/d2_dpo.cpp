// SPDX-License-Identifier: MIT
#include "lldm/objective/d2_dpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "lldm/errors.hpp"
#include "objective/evaluation_margins.hpp"

namespace lldm {

at::Tensor D2Dpo::losses(const ScoreSet& scores) const {
  const EvaluationMargins margins = evaluation_margins(scores, name());
  const auto times = scores.auxiliary.find("times");
  if (times == scores.auxiliary.end())
    throw ShapeError(
        "d2_dpo: the evaluations of the scores are at no drawn times\n  use score_estimator = { "
        "type = \"monte_carlo_elbo\", count = \"bernoulli\", share_times = true }");
  if (!at::equal(times->second.select(1, 0), times->second.select(1, 1)))
    throw ShapeError(
        "d2_dpo: chosen and rejected answers are noised at different times\n  set share_times = "
        "true in the score estimator");
  return mean_log_sigmoid_losses(margins, beta());
}

}  // namespace lldm
