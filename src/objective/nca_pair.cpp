// SPDX-License-Identifier: MIT
#include "lldm/objective/nca_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

NcaPair::NcaPair(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] nca_pair");
}

ObjectiveNeeds NcaPair::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::each,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult NcaPair::evaluate(const ScoreSet& scores) const {
  const at::Tensor rewards = log_ratios(scores, options_.normalise) * options_.beta;
  const at::Tensor chosen = rewards.select(1, 0), rejected = rewards.select(1, 1);
  return {
      (-at::log_sigmoid(chosen) - 0.5 * at::log_sigmoid(-chosen) - 0.5 * at::log_sigmoid(-rejected))
          .sum(),
      preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
