// SPDX-License-Identifier: MIT
#include "lldm/objective/sppo_hard.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

SppoHard::SppoHard(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] sppo_hard");
}

ObjectiveNeeds SppoHard::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::each,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult SppoHard::evaluate(const ScoreSet& scores) const {
  const at::Tensor ratios = log_ratios(scores, options_.normalise);
  const at::Tensor chosen = ratios.select(1, 0), rejected = ratios.select(1, 1);
  const double target = 1.0 / (2.0 * options_.beta);
  return {((chosen - target).square() + (rejected + target).square()).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
