// SPDX-License-Identifier: MIT
#include "lldm/objective/weighted_sum.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

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

namespace {

std::vector<WeightedSum::Term> make_terms(const WeightedSum::Options& options,
                                          const Services& services) {
  std::vector<WeightedSum::Term> terms;
  for (const auto& term : options.terms)
    terms.push_back({std::string(term.type()), services.registry.make<AnyObjective>(term, services),
                     term.extra.weight});
  return terms;
}

}  // namespace

WeightedSum::WeightedSum(const Options& options, const Services& services)
    : WeightedSum(make_terms(options, services)) {}

WeightedSum::WeightedSum(std::vector<Term> terms) : terms_(std::move(terms)) {
  if (terms_.empty()) throw ConfigError("[objective] terms: at least one term is needed");
  needs_ = {.group_size = 1,
            .reference = false,
            .use = ScoreUse::linear,
            .denominator = Denominator::none,
            .unpaired = true};
  for (const Term& term : terms_)
    needs_.group_size = std::max(needs_.group_size, term.objective.needs().group_size);
  needs_.beyond_shared_length = terms_.front().objective.needs().beyond_shared_length;
  bool is_any_linear = false;
  for (const Term& term : terms_) {
    const ObjectiveNeeds needs = term.objective.needs();
    if (needs.group_size != 1 && needs.group_size != needs_.group_size)
      throw ConfigError(message("[objective] terms: \"", term.name, "\" compares ",
                                needs.group_size, " answers, another term ", needs_.group_size));
    if (needs.group_size != needs_.group_size && needs.denominator == Denominator::none)
      throw ConfigError(
          message("[objective] terms: \"", term.name,
                  "\" divides by its own micro-batch (llada_parity), which a sum over "
                  "pairs does not have\n  set its llada_parity = false"));
    needs_.reference = needs_.reference || needs.reference;
    needs_.mismatched = needs_.mismatched || needs.mismatched;
    needs_.unpaired = needs_.unpaired && needs.unpaired;
    needs_.random_length_by_batch = needs_.random_length_by_batch || needs.random_length_by_batch;
    if (needs.beyond_shared_length != terms_.front().objective.needs().beyond_shared_length)
      throw ConfigError(message(
          "[objective] terms: \"", term.name, "\" weighs the tokens behind the shared length by ",
          needs.beyond_shared_length, ", \"", terms_.front().name, "\" by ",
          terms_.front().objective.needs().beyond_shared_length,
          " (ld_alpha): all terms read the same scores\n  give every term the same ld_alpha"));
    is_any_linear = is_any_linear || needs.use == ScoreUse::linear;
    needs_.use = std::max(needs_.use, needs.use);
  }
  // A known weight on one score beside a loss of the difference: no longer a function of it.
  if (is_any_linear && needs_.use == ScoreUse::difference) needs_.use = ScoreUse::each;
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
        own.item<double>(), static_cast<double>(scores.policy.size(0)) / scores.totals.groups};
    for (auto& [name, mean] : result.metrics)  // the first term of a name keeps it
      if (!sum.metrics.emplace(name, mean).second) sum.metrics[term.name + "/" + name] = mean;
  }
  return sum;
}

}  // namespace lldm
