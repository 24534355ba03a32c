// SPDX-License-Identifier: MIT
#include "lldm/estimator/adaptive.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/config/options_check.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

/// Appends `from`, one repetition of the same text, to `into`, every weight times `share`.
void append_plan(ScorePlan& into, const ScorePlan& from, double share) {
  const auto copies = static_cast<std::int32_t>(into.copies());
  into.tokens.insert(into.tokens.end(), from.tokens.begin(), from.tokens.end());
  for (Query query : from.queries) {
    query.copy += copies;
    query.weight *= share;
    into.queries.push_back(query);
  }
  for (const std::int32_t replicate : from.replicate)
    into.replicate.push_back(replicate + into.num_replicates);
  for (std::size_t c = 0; c < from.replicate.size(); ++c)
    into.slot.push_back(into.asked +
                        (from.slot.empty() ? static_cast<std::int32_t>(c) : from.slot[c]));
  for (std::int32_t r = 0; r < from.num_replicates; ++r)
    into.replicate_constants.push_back(
        share * (from.replicate_constants.empty()
                     ? from.constant / from.num_replicates
                     : from.replicate_constants[static_cast<std::size_t>(r)]));
  into.posteriors.insert(into.posteriors.end(), from.posteriors.begin(), from.posteriors.end());
  into.times.insert(into.times.end(), from.times.begin(), from.times.end());
  into.path_uniforms.insert(into.path_uniforms.end(), from.path_uniforms.begin(),
                            from.path_uniforms.end());
  into.asked += from.slot.empty() ? static_cast<std::int32_t>(from.copies()) : from.asked;
  into.noised += from.noised;
  into.constant += share * from.constant;
  into.num_replicates += from.num_replicates;
}

}  // namespace

AdaptationState next_evaluations(const Adaptation& rule, const AdaptationState& before,
                                 double squared_error) {
  AdaptationState next = before;
  const double variance = squared_error * static_cast<double>(before.evaluations);
  next.variance = before.variance > 0
                      ? rule.smoothing * before.variance + (1.0 - rule.smoothing) * variance
                      : variance;
  const double wanted = std::ceil(next.variance / (rule.standard_error * rule.standard_error));
  next.evaluations = static_cast<std::int64_t>(
      std::clamp(wanted, static_cast<double>(rule.min), static_cast<double>(rule.max)));
  return next;
}

void Adaptive::Options::check(config::OptionsCheck& check) const {
  if (min > max)
    check.error("min", message("min = ", min, " is more than max = ", max),
                message("legal: 2 to ", max));
}

Adaptive::Adaptive(const Options& options, const Services& services)
    : Adaptive(options,
               services.registry.make<AnyScoreEstimator>(options.score_estimator, services)) {}

Adaptive::Adaptive(const Options& options, AnyScoreEstimator wrapped)
    : options_(options), wrapped_(std::move(wrapped)), repetitions_(options.max) {
  config::require_legal(options, "[score_estimator] adaptive");
  if (wrapped_.adaptation())
    throw ConfigError(
        "[score_estimator] adaptive: it wraps another `adaptive`\n  wrap an estimator of fixed "
        "cost");
  if (wrapped_.target(1).combination != Combination::sum)
    throw ConfigError(message("[score_estimator] adaptive: \"", options.score_estimator.type(),
                              "\" is no sum over evaluations, so its repetitions cannot be "
                              "averaged inside one plan\n  wrap another estimator"));
}

ScorePlan Adaptive::plan(const Text& text, const AnyForwardProcess& process,
                         const TextDraws& draws) const {
  const double share = 1.0 / static_cast<double>(repetitions_);
  ScorePlan whole;
  for (std::int64_t r = 0; r < repetitions_; ++r) {
    const ScorePlan one = wrapped_.plan(text, process, draws.repetition(r));
    if (r == 0) {
      whole = one;
      whole.tokens.clear();
      whole.queries.clear();
      whole.replicate.clear();
      whole.slot.clear();
      whole.replicate_constants.clear();
      whole.posteriors.clear();
      whole.times.clear();
      whole.path_uniforms.clear();
      whole.asked = 0;
      whole.noised = 0;
      whole.constant = 0;
      whole.num_replicates = 0;
    }
    append_plan(whole, one, share);
  }
  whole.nominal_copies = repetitions_ * wrapped_.nominal_copies(text.num_scored());
  return whole;
}

Adaptive Adaptive::at(std::int64_t evaluations) const {
  if (evaluations < options_.min || evaluations > options_.max)
    throw ShapeError(message("adaptive: ", evaluations, " repetitions\n  legal: ", options_.min,
                             " to ", options_.max));
  Adaptive same = *this;
  same.repetitions_ = evaluations;
  return same;
}

}  // namespace lldm
