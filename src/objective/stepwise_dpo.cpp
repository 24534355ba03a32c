// SPDX-License-Identifier: MIT
#include "lldm/objective/stepwise_dpo.hpp"

#include "lldm/config/reader.hpp"
#include "lldm/objective/normalise.hpp"
#include "objective/evaluation_margins.hpp"

namespace lldm {

StepwiseDpo::StepwiseDpo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] stepwise_dpo");
}

ObjectiveNeeds StepwiseDpo::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::parts,
          .denominator = Denominator::groups};
}

ObjectiveResult StepwiseDpo::evaluate(const ScoreSet& scores) const {
  const EvaluationMargins margins = evaluation_margins(scores, name());
  return {mean_log_sigmoid_loss(margins, options_.beta), preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
