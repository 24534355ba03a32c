// SPDX-License-Identifier: MIT
#include "lldm/objective/simpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"
#include "lldm/objective/pair_loss.hpp"

namespace lldm {

Simpo::Simpo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] simpo");
}

ObjectiveNeeds Simpo::needs() const {
  return {.group_size = 2,
          .reference = false,
          .use = ScoreUse::each,
          .denominator = Denominator::groups};
}

ObjectiveResult Simpo::evaluate(const ScoreSet& scores) const {
  constexpr double kMostExponent = 340;  // its square still is finite
  const at::Tensor per_token = policy_scores(scores, Normalize::response_length);
  const double alpha = options_.alpha;
  const at::Tensor rewards =
      alpha == 0.0 ? per_token
                   : -at::expm1(at::clamp_max(per_token * -alpha, kMostExponent)) / alpha;
  const at::Tensor margin =
      (rewards.select(1, 0) - rewards.select(1, 1)) * options_.beta - options_.margin;
  ObjectiveResult result{smoothed_log_sigmoid(margin, options_.label_smoothing).sum(),
                         reward_metrics(scores, rewards.detach() * options_.beta)};
  if (options_.sft_weight != 0)
    result.loss_sum = result.loss_sum + chosen_nats_per_token(scores).sum() * options_.sft_weight;
  return result;
}

}  // namespace lldm
