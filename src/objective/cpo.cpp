// SPDX-License-Identifier: MIT
#include "lldm/objective/cpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"
#include "lldm/objective/pair_loss.hpp"

namespace lldm {

void Cpo::Options::check(config::OptionsCheck& check) const {
  if (loss != CpoLoss::sigmoid && label_smoothing != 0)
    check.error("label_smoothing", "label_smoothing is read by loss = \"sigmoid\" alone",
                "legal here: 0");
}

Cpo::Cpo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] cpo");
}

ObjectiveNeeds Cpo::needs() const {
  const bool is_difference = options_.normalize == Normalize::none && options_.sft_weight == 0;
  return {.group_size = 2,
          .reference = false,
          .use = is_difference ? ScoreUse::difference : ScoreUse::each,
          .denominator = Denominator::groups};
}

ObjectiveResult Cpo::evaluate(const ScoreSet& scores) const {
  const at::Tensor each = policy_scores(scores, options_.normalize);
  const at::Tensor difference = each.select(1, 0) - each.select(1, 1);
  const at::Tensor margin = difference * options_.beta;
  at::Tensor losses;
  switch (options_.loss) {
    case CpoLoss::sigmoid:
      losses = smoothed_log_sigmoid(margin, options_.label_smoothing);
      break;
    case CpoLoss::hinge:
      losses = at::relu(1.0 - margin);
      break;
    case CpoLoss::ipo:
      losses = (difference - 1.0 / (2.0 * options_.beta)).square();
      break;
  }
  ObjectiveResult result{losses.sum(), reward_metrics(scores, each.detach() * options_.beta)};
  if (options_.sft_weight != 0)
    result.loss_sum = result.loss_sum + chosen_nats_per_token(scores).sum() * options_.sft_weight;
  return result;
}

}  // namespace lldm
