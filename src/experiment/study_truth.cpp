// SPDX-License-Identifier: MIT
#include "experiment/study_truth.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/config/document.hpp"
#include "lldm/plugin/registry.hpp"
#include "lldm/score/combine.hpp"

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
  return component("monte_carlo_elbo",
                   {{"draws", Value::integer(draws)}, {"pairing", Value::string("stratified")}});
}

std::optional<Ref> own_truth(const Ref& estimator, const Target& target, std::int64_t draws) {
  const Value& table = wrapped(estimator.table);
  if (target.name == "elbo") return elbo_truth(draws);
  if (target.name.starts_with("elbo_truncated(")) {
    const Value time_min = key_of(table, "time_min", Value::real(1e-3));
    if (draws == 0)
      return component("exact",
                       {{"target", Value::string("elbo_truncated")}, {"time_min", time_min}});
    return component("monte_carlo_elbo", {{"draws", Value::integer(draws)},
                                          {"count", Value::string("bernoulli")},
                                          {"pairing", Value::string("stratified")},
                                          {"time_min", time_min}});
  }
  if (draws == 0 && target.name.starts_with("block_elbo("))
    return component("exact", {{"target", Value::string("block_elbo")},
                               {"block_length", key_of(table, "block_length", Value::integer(8))}});
  if (draws == 0 && target.name == "left_to_right")
    return component(
        "exact", {{"target", Value::string("block_elbo")}, {"block_length", Value::integer(1)}});
  if (draws == 0 && target.name.starts_with("eubo("))
    return component("exact", {{"target", Value::string("eubo")},
                               {"sharpness", key_of(table, "sharpness", Value::real(1.0))}});
  // The reveal terms are a constant of the schedule, not of the model: no table of the target.
  const config::Member* terms = table.find("include_reveal_terms");
  const bool has_terms = terms && terms->value.is_boolean() && terms->value.as_boolean();
  if (!target.name.starts_with("trajectory_elbo(") || has_terms) return std::nullopt;
  const bool is_one_step = table.text_of("type") == "one_step";
  const Value steps = is_one_step ? Value::integer(1) : key_of(table, "steps", Value::integer(16));
  const Value grid = is_one_step ? Value::string("uniform_time")
                                 : key_of(table, "grid", Value::string("uniform_time"));
  if (draws == 0)
    return component(
        "exact", {{"target", Value::string("trajectory_elbo")}, {"steps", steps}, {"grid", grid}});
  const std::int64_t paths = std::clamp<std::int64_t>(draws / steps.as_integer(), 1, 4096);
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

const Truth& Truths::of(const ComponentRef<Role::score_estimator>& ref) {
  const auto [at, is_new] = known_.try_emplace(config::to_toml(ref.table));
  if (!is_new) return at->second;
  const ScoreBatch batch = plans_of(ref);
  if (ref.type() == "exact") {
    enumerate();
    at->second = {sums(batch.plans, policy_), sums(batch.plans, reference_)};
  } else {
    const ScoreSet set = study_.engine.score(batch);
    at->second = {flat(set.policy), flat(set.reference)};
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
