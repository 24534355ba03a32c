// SPDX-License-Identifier: MIT
#include "stage/study_truth.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/config/document.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/score/combine.hpp"
#include "stage/score_labels.hpp"

namespace lldm {
namespace {

using config::Value;
using Ref = ComponentRef<Role::score_estimator>;

Ref component(const char* type, std::vector<std::pair<const char*, Value>> keys) {
  Ref ref(type);
  for (auto& [key, value] : keys) ref.table.set(key, std::move(value));
  return ref;
}

/// The estimator that `adaptive` repeats, else the estimator.
const Value& wrapped(const Value& table) {
  const config::Member* inner = table.find("score_estimator");
  return inner && inner->value.is_table() ? wrapped(inner->value) : table;
}

Value key_of(const Value& table, std::string_view key, Value otherwise) {
  const config::Member* member = table.find(key);
  return member ? member->value : otherwise;
}

}  // namespace

ComponentRef<Role::score_estimator> elbo_truth(std::int64_t draws) {
  if (draws == 0) return component("exact", {{"target", Value::string("elbo")}});
  // In replicates, so that the truth's own noise is known.
  return component("monte_carlo_elbo", {{"draws", Value::integer(draws / kTruthReplicates)},
                                        {"pairing", Value::string("stratified")},
                                        {"replicates", Value::integer(kTruthReplicates)}});
}

namespace {

/// The text between the brackets of "trajectory_elbo(4, uniform_time)", cut at its commas.
std::vector<std::string> arguments_of(const std::string& target) {
  std::vector<std::string> arguments;
  const std::size_t open = target.find('('), close = target.find(')');
  if (open == std::string::npos || close == std::string::npos) return arguments;
  std::size_t from = open + 1;
  while (from < close) {
    const std::size_t comma = std::min(target.find(", ", from), close);
    arguments.push_back(target.substr(from, comma - from));
    from = comma + 2;
  }
  return arguments;
}

std::optional<std::int64_t> as_integer(const std::string& text) {
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Ref> own_truth(const Ref& estimator, const Target& target, std::int64_t draws) {
  const Value& table = wrapped(estimator.table);
  if (target.name == "elbo") return elbo_truth(draws);
  if (target.name.starts_with("elbo_truncated(")) {
    const Value time_min = key_of(table, "time_min", Value::real(1e-3));
    if (draws == 0)
      return component("exact",
                       {{"target", Value::string("elbo_truncated")}, {"time_min", time_min}});
    return component("monte_carlo_elbo", {{"draws", Value::integer(draws / kTruthReplicates)},
                                          {"count", Value::string("bernoulli")},
                                          {"pairing", Value::string("stratified")},
                                          {"replicates", Value::integer(kTruthReplicates)},
                                          {"time_min", time_min}});
  }
  const std::vector<std::string> arguments = arguments_of(target.name);
  // 0: the target names no number of tokens or steps.
  const std::int64_t first = arguments.empty() ? 0 : as_integer(arguments.front()).value_or(0);
  if (draws == 0 && target.name.starts_with("block_elbo(") && arguments.size() == 1 && first > 0)
    return component("exact", {{"target", Value::string("block_elbo")},
                               {"block_length", Value::integer(first)}});
  if (draws == 0 && target.name == "left_to_right")
    return component(
        "exact", {{"target", Value::string("block_elbo")}, {"block_length", Value::integer(1)}});
  if (draws == 0 && target.name.starts_with("eubo("))
    return component("exact", {{"target", Value::string("eubo")},
                               {"sharpness", key_of(table, "sharpness", Value::real(1.0))}});
  // The reveal terms are a constant of the schedule, not of the model: no table of the target.
  const config::Member* terms = table.find("include_reveal_terms");
  const bool has_terms = terms && terms->value.is_boolean() && terms->value.as_boolean();
  if (!target.name.starts_with("trajectory_elbo(") || has_terms || arguments.size() != 2 ||
      first < 1)
    return std::nullopt;
  const Value steps = Value::integer(first), grid = Value::string(arguments[1]);
  if (draws == 0)
    return component(
        "exact", {{"target", Value::string("trajectory_elbo")}, {"steps", steps}, {"grid", grid}});
  const std::int64_t paths = std::clamp<std::int64_t>(draws / first, 2, 4096);
  return component("full_trajectory",
                   {{"steps", steps}, {"grid", grid}, {"replicates", Value::integer(paths)}});
}

std::vector<double> flat(const at::Tensor& values) {
  const at::Tensor whole = values.contiguous();
  return {whole.const_data_ptr<double>(), whole.const_data_ptr<double>() + whole.numel()};
}

ScoreBatch Truths::plans_of(const ComponentRef<Role::score_estimator>& ref) const {
  const auto estimator = study_.run.registry.make<AnyScoreEstimator>(ref, study_.services);
  try {
    return study_.plans(estimator, 0);
  } catch (const DataError& error) {
    if (ref.type() != "exact") throw;
    throw DataError(message(error.what(), "\n  or take the truth from samples: truth_draws = 256"));
  }
}

void Truths::require_finite(const ComponentRef<Role::score_estimator>& ref, const ScoreBatch& batch,
                            const ScoreSet& set) const {
  ScoreLabels labels = study_.labels;
  labels.score_estimator = component_label(study_.run.registry, Role::score_estimator, ref.table);
  require_finite_scores(batch, set, study_.ids(), labels, " where the truth is taken");
}

const Truth& Truths::of(const ComponentRef<Role::score_estimator>& ref) {
  const auto [at, is_new] = known_.try_emplace(config::to_toml(ref.table));
  if (!is_new) return at->second;
  const ScoreBatch batch = plans_of(ref);
  if (ref.type() == "exact") {
    enumerate();
    at->second = {sums(batch.plans, policy_), sums(batch.plans, reference_), 0.0};
    ScoreSet set;
    set.policy = at::tensor(at->second.policy, at::kDouble).view({batch.groups(), 2});
    set.reference = at::tensor(at->second.reference, at::kDouble).view({batch.groups(), 2});
    require_finite(ref, batch, set);
  } else {
    const ScoreSet set = study_.engine.score(batch);
    require_finite(ref, batch, set);
    at->second = {flat(set.policy), flat(set.reference)};
    const std::vector<double> errors = flat(set.auxiliary.at("standard_error"));
    for (const double error : errors)
      at->second.policy_error += error * error / std::pow(static_cast<double>(errors.size()), 2);
    at->second.policy_error = std::sqrt(at->second.policy_error);
  }
  return at->second;
}

void Truths::enumerate() {
  if (!all_.empty()) return;
  all_ = plans_of(elbo_truth(0)).plans;
  policy_ = study_.engine.readouts(all_, false);
  reference_ = study_.engine.readouts(all_, true);
}

/// Scores of plans whose copies are among those of `all_`, in the same order.
std::vector<double> Truths::sums(const std::vector<ScorePlan>& plans,
                                 const std::vector<double>& readouts) const {
  std::vector<double> scores;
  std::size_t first = 0;  // of the text's readouts
  for (std::size_t p = 0; p < plans.size(); ++p) {
    const ScorePlan &plan = plans[p], &all = all_[p];
    std::vector<double> own;
    std::size_t q = 0, from = 0;
    for (std::int64_t c = 0, at = 0; c < plan.copies(); ++c, ++at) {
      while (!std::ranges::equal(plan.copy(c), all.copy(at))) ++at;
      while (all.queries[from].copy < at) ++from;
      for (; q < plan.queries.size() && plan.queries[q].copy == c; ++q, ++from) {
        while (all.queries[from].position < plan.queries[q].position) ++from;
        own.push_back(readouts[first + from]);
      }
    }
    scores.push_back(combine({&plan, 1}, at::tensor(own, at::kDouble)).scores.item<double>());
    first += all.queries.size();
  }
  return scores;
}

}  // namespace lldm
