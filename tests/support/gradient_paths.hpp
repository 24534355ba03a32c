// SPDX-License-Identifier: MIT
// One optimizer step by every gradient path: which are exact and must agree, which are refused.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/registered_components.hpp"

namespace lldm::testing {

inline constexpr GradientPath kPaths[] = {GradientPath::linear, GradientPath::retain,
                                          GradientPath::replay, GradientPath::pairwise};

/// What a path must be refused for ("" if it is exact), written down from the definitions of the
/// paths (docs/definitions.md) and not from the code that refuses.
inline std::string expected_refusal(GradientPath path, const ObjectiveNeeds& needs, bool is_sum) {
  if (needs.use == ScoreUse::parts && !is_sum) return "reads the parts of the scores";
  if (path == GradientPath::linear) {
    if (needs.use != ScoreUse::linear) return "the objective's weights depend on the scores";
    if (!is_sum) return "the estimator combines its readouts non-linearly";
  }
  if (path == GradientPath::pairwise) {
    if (needs.use == ScoreUse::coupled) return "the objective couples pairs of the whole step";
    if (needs.use == ScoreUse::parts) return "reads the parts of the scores";
    if (needs.mismatched) return "reads the scores of mismatched answers";
    if (needs.group_size != 2) return "does not compare two answers";
    if (!is_sum) return "the estimator combines its readouts non-linearly";
  }
  return "";
}

/// Three groups of answers with a recorded order; of 1 to 3 tokens each, or of 3.
inline std::vector<Text> grouped_texts(std::size_t group_size, bool is_even) {
  std::vector<Text> texts = toy_texts(3, group_size, 4);
  Stream stream = Draws(6, "orders").stream(Purpose::data);
  for (Text& text : texts) {
    if (is_even) text.response = {stream.below(3), stream.below(3), stream.below(3)};
    text.reveal_step = stream.permutation(static_cast<std::int64_t>(text.response.size()));
  }
  return texts;
}

inline ScoreBatch batch_of(const std::vector<Text>& texts, const ObjectiveNeeds& needs,
                           const AnyScoreEstimator& estimator, const AnyForwardProcess& process) {
  const Draws draws(3, "engine");
  ScoreBatch batch;
  batch.group_size = needs.group_size;
  const auto size = static_cast<std::size_t>(needs.group_size);
  for (std::size_t i = 0; i < texts.size(); ++i)
    batch.plans.push_back(estimator.plan(texts[i], process, draws_of(draws, i / size, i % size)));
  for (std::size_t i = 0; i < texts.size() && needs.mismatched; i += size) {
    Text other = texts[(i + size) % texts.size()];
    other.prompt = texts[i].prompt;
    batch.mismatched_plans.push_back(
        estimator.plan(other, process, draws_of(draws, i / size, size)));
  }
  return batch;
}

/// The groups [first, last) of a batch as a micro-batch of its own.
inline ScoreBatch groups_of(const ScoreBatch& batch, std::int64_t first, std::int64_t last) {
  ScoreBatch part;
  part.group_size = batch.group_size;
  part.plans.assign(batch.plans.begin() + first * batch.group_size,
                    batch.plans.begin() + last * batch.group_size);
  return part;
}

/// One step over micro-batches: all gradients behind one another, float64.
template <class D>
at::Tensor gradient_of(const std::shared_ptr<D>& policy, const std::shared_ptr<D>& reference,
                       const std::vector<ScoreBatch>& parts, const StepTotals& totals,
                       const AnyObjective& objective, GradientPath path, std::int64_t tokens) {
  for (NamedParameter& parameter : policy->parameters())
    parameter.value.mutable_grad() = at::Tensor();
  const ObjectiveNeeds needs = objective.needs();
  const ScoreEngine<D> engine(policy, needs.reference ? reference : nullptr, "cpu",
                              EngineOptions{tokens});
  for (const ScoreBatch& part : parts) engine.step(part, totals, needs, loss_of(objective), path);
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& parameter : policy->parameters()) {
    const at::Tensor& gradient = parameter.value.grad();
    gradients.push_back((gradient.defined() ? gradient : at::zeros_like(parameter.value))
                            .to(at::kDouble)
                            .reshape({-1}));
  }
  return at::cat(gradients);
}

/// What an evaluation is refused with, or "".
template <class F>
std::string refusal(F&& step) {
  try {
    step();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Why the objective cannot read such plans at all, from the plans alone ("" if it can).
inline std::string unreadable(const std::string& type, const ScoreBatch& batch,
                              const ObjectiveNeeds& needs) {
  if (needs.use != ScoreUse::parts) return "";
  const auto evaluations = [](const ScorePlan& plan) {
    return std::max<std::int64_t>(plan.asked, plan.copies());
  };
  for (std::size_t i = 0; i < batch.plans.size(); i += 2)
    if (evaluations(batch.plans[i]) != evaluations(batch.plans[i + 1]))
      return "evaluations, which cannot be compared one by one";
  if (type != "d2_dpo") return "";
  for (const ScorePlan& plan : batch.plans)
    if (plan.times.empty()) return "at no drawn times";
  for (std::size_t i = 0; i < batch.plans.size(); i += 2)
    if (batch.plans[i].times != batch.plans[i + 1].times) return "noised at different times";
  return "";
}

inline AnyForwardProcess cosine_masks() { return MaskedProcess(3, CosineSchedule()); }

struct Counts {
  int compared = 0, refused = 0, unreadable = 0;
  std::map<std::string, double> largest;  // gradient norm by objective: zeros would agree too
};

/// Every way to take the step, against the plain `retain` over the whole batch.
template <class D>
void compare_paths(const std::shared_ptr<D>& policy, const std::shared_ptr<D>& reference,
                   const Registered<AnyObjective>& objective,
                   const Registered<AnyScoreEstimator>& estimator, bool is_even, double allowed,
                   Counts& counts, const AnyForwardProcess& process = cosine_masks()) {
  const ObjectiveNeeds needs = objective.component.needs();
  const ScoreBatch batch =
      batch_of(grouped_texts(static_cast<std::size_t>(needs.group_size), is_even), needs,
               estimator.component, process);
  const bool is_sum = batch.plans.front().combination == Combination::sum;
  CHECK((estimator.component.target(3).combination == Combination::sum) == is_sum);
  const StepTotals totals = totals_of(batch);
  const auto step = [&](GradientPath path, const std::vector<ScoreBatch>& parts,
                        std::int64_t tokens) {
    return gradient_of(policy, reference, parts, totals, objective.component, path, tokens);
  };
  INFO(objective.name << " with " << estimator.name << (is_even ? ", equal lengths" : ""));
  const std::string why_not = is_sum ? unreadable(objective.type, batch, needs) : "";
  if (!why_not.empty()) {
    for (const auto path : {GradientPath::retain, GradientPath::replay}) {
      const std::string said = refusal([&] { step(path, {batch}, 16384); });
      CHECK_THAT(said, contains(why_not));
      CHECK_THAT(said, contains("use a score estimator") || contains("use score_estimator") ||
                           contains("in the score estimator"));
    }
    ++counts.unreadable;
    return;
  }
  // Losses over the whole step and means of micro-batches' means differ by definition.
  const bool is_split = needs.use != ScoreUse::coupled && !needs.mismatched &&
                        objective.name.find("llada_parity") == std::string::npos;
  at::Tensor exact;
  for (const auto path : kPaths) {
    INFO(to_string(path));
    const std::string reason = expected_refusal(path, needs, is_sum);
    if (!reason.empty()) {
      const std::string said = refusal([&] { step(path, {batch}, 16384); });
      CHECK_THAT(said, contains(reason));
      CHECK_THAT(said, contains("use "));
      if (is_sum || needs.use != ScoreUse::parts)  // else no path is exact, and none is named
        CHECK_THAT(said, contains(message("gradient_path = \"", to_string(path), "\"")));
      ++counts.refused;
      continue;
    }
    if (!exact.defined()) {
      exact = step(GradientPath::retain, {batch}, 16384);
      const double norm = exact.norm().item<double>();
      CHECK(std::isfinite(norm));
      double& largest = counts.largest[objective.name];
      largest = std::max(largest, norm);
    }
    // Many forwards of a few copies, and two micro-batches of which one holds two groups.
    CHECK(relative_distance(step(path, {batch}, 9), exact) <= allowed);
    ++counts.compared;
    if (!is_split) continue;
    const std::vector<ScoreBatch> parts{groups_of(batch, 0, 1), groups_of(batch, 1, 3)};
    CHECK(relative_distance(step(path, parts, 16384), exact) <= allowed);
    ++counts.compared;
  }
}

inline void check_counts(const Counts& counts, std::size_t objectives) {
  CHECK(counts.largest.size() == objectives);
  for (const auto& [name, norm] : counts.largest) {
    INFO(name);
    CHECK(norm > 1e-3);
  }
}

}  // namespace lldm::testing
