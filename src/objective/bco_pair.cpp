// SPDX-License-Identifier: MIT
#include "lldm/objective/bco_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

BcoPair::BcoPair(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] bco_pair");
}

ObjectiveNeeds BcoPair::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = options_.baseline == BcoBaseline::none ? ScoreUse::each : ScoreUse::coupled,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult BcoPair::evaluate(const ScoreSet& scores) const {
  at::Tensor rewards = log_ratios(scores, options_.normalise) * options_.beta;
  if (options_.baseline == BcoBaseline::step_mean) rewards = rewards - rewards.detach().mean();
  const at::Tensor chosen = rewards.select(1, 0), rejected = rewards.select(1, 1);
  return {(-at::log_sigmoid(chosen) - at::log_sigmoid(-rejected)).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
