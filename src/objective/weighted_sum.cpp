// SPDX-License-Identifier: MIT
#include "lldm/objective/weighted_sum.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// The score set of the first answers alone, for a term that knows single answers.
ScoreSet first_answers(const ScoreSet& scores) {
  ScoreSet first;
  first.policy = scores.policy.narrow(1, 0, 1);
  first.lengths = scores.lengths.narrow(1, 0, 1);
  if (scores.reference.defined()) first.reference = scores.reference.narrow(1, 0, 1);
  if (scores.parts.defined()) first.parts = scores.parts.narrow(1, 0, 1);
  if (scores.reference_parts.defined())
    first.reference_parts = scores.reference_parts.narrow(1, 0, 1);
  first.totals = scores.totals;
  first.totals.rows = scores.totals.groups;
  first.totals.tokens = scores.totals.first_tokens;
  return first;
}

}  // namespace

at::Tensor normalised_loss(const ObjectiveResult& result, Denominator denominator,
                           const StepTotals& totals) {
  switch (denominator) {
    case Denominator::tokens:
      return result.loss_sum / totals.tokens;
    case Denominator::rows:
      return result.loss_sum / totals.rows;
    case Denominator::groups:
      return result.loss_sum / totals.groups;
    case Denominator::none:
      break;
  }
  return result.loss_sum;
}

WeightedSum::WeightedSum(std::vector<Term> terms) : terms_(std::move(terms)) {
  if (terms_.empty()) throw ConfigError("[objective] terms: at least one term is needed");
  needs_ = {.group_size = 1,
            .reference = false,
            .use = ScoreUse::linear,
            .denominator = Denominator::none};
  for (const Term& term : terms_)
    needs_.group_size = std::max(needs_.group_size, term.objective.needs().group_size);
  for (const Term& term : terms_) {
    const ObjectiveNeeds needs = term.objective.needs();
    if (needs.group_size != 1 && needs.group_size != needs_.group_size)
      throw ConfigError(message("[objective] terms: \"", term.name, "\" compares ",
                                needs.group_size, " answers, another term ", needs_.group_size));
    needs_.reference = needs_.reference || needs.reference;
    // A linear term over single answers inside a sum over pairs depends on one score of the pair.
    const bool mixes = needs.group_size != needs_.group_size && needs.use == ScoreUse::linear;
    needs_.use = std::max(needs_.use, mixes ? ScoreUse::each : needs.use);
  }
}

ObjectiveResult WeightedSum::evaluate(const ScoreSet& scores) const {
  ObjectiveResult sum;
  for (const Term& term : terms_) {
    const ObjectiveNeeds needs = term.objective.needs();
    const ScoreSet view = needs.group_size == needs_.group_size ? scores : first_answers(scores);
    ObjectiveResult result = term.objective.evaluate(view);
    const at::Tensor own = normalised_loss(result, needs.denominator, view.totals);
    const at::Tensor part = own * term.weight;
    sum.loss_sum = sum.loss_sum.defined() ? sum.loss_sum + part : part;
    // Counted by the set's share of the step, so that micro-batches add up to the term's own loss.
    sum.metrics["loss/" + term.name] = {
        own.item<double>(),
        static_cast<double>(scores.policy.size(0)) / scores.totals.groups};
    for (auto& [name, mean] : result.metrics) sum.metrics.emplace(name, mean);
  }
  return sum;
}

}  // namespace lldm
