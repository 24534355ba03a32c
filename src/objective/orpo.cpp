// SPDX-License-Identifier: MIT
#include "lldm/objective/orpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

Orpo::Orpo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] orpo");
}

ObjectiveNeeds Orpo::needs() const {
  return {.group_size = 2,
          .reference = false,
          .use = ScoreUse::each,
          .denominator = Denominator::groups};
}

ObjectiveResult Orpo::evaluate(const ScoreSet& scores) const {
  constexpr double kMost = -1e-9;
  const at::Tensor per_token = policy_scores(scores, Normalize::response_length);
  const at::Tensor below = at::clamp_max(per_token, kMost);
  const at::Tensor log_odds = below - at::log(-at::expm1(below));
  const at::Tensor ratio = log_odds.select(1, 0) - log_odds.select(1, 1);
  ObjectiveResult result{-at::log_sigmoid(ratio).sum() * options_.beta,
                         reward_metrics(scores, per_token * options_.beta)};
  const auto pairs = static_cast<double>(scores.policy.size(0));
  result.metrics["log_odds_ratio"] = {at::log_sigmoid(ratio.detach()).sum().item<double>(), pairs};
  result.metrics["log_odds_chosen"] = {ratio.detach().sum().item<double>(), pairs};
  if (options_.sft_weight != 0)
    result.loss_sum = result.loss_sum + chosen_nats_per_token(scores).sum() * options_.sft_weight;
  return result;
}

}  // namespace lldm
