// SPDX-License-Identifier: MIT
// Pairs of texts, a trainable toy policy and a frozen toy reference, behind the score engine.
#pragma once

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <memory>
#include <vector>

#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/score/engine.hpp"
#include "support/schedules.hpp"
#include "support/table_denoiser.hpp"

namespace lldm::testing {

/// Texts in order [pair * G + answer]; answers of different lengths.
inline std::vector<Text> toy_texts(std::size_t groups, std::size_t group_size,
                                   std::uint64_t seed = 1) {
  std::vector<Text> texts;
  Stream stream = Draws(seed, "texts").stream(Purpose::data);
  for (std::size_t b = 0; b < groups; ++b) {
    const std::int64_t prompt = stream.below(3);
    for (std::size_t g = 0; g < group_size; ++g) {
      Text text{{prompt}, {}, -1};
      for (std::size_t i = 0; i < 1 + (1 + b + g) % 3; ++i)
        text.response.push_back(stream.below(3));
      texts.push_back(text);
    }
  }
  return texts;
}

inline ScoreBatch toy_batch(const std::vector<Text>& texts, std::int64_t group_size,
                            const AnyScoreEstimator& estimator, std::uint64_t seed = 1,
                            std::uint64_t first_row = 0) {
  const Draws draws(seed, "engine");
  ScoreBatch batch;
  batch.group_size = group_size;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto size = static_cast<std::size_t>(group_size);
    batch.plans.push_back(estimator.plan(texts[i], MaskedProcess(3, CosineSchedule()),
                                         draws_of(draws, first_row + i / size, i % size)));
  }
  return batch;
}

inline StepTotals totals_of(const ScoreBatch& batch) {
  StepTotals totals;
  for (std::size_t i = 0; i < batch.plans.size(); ++i) {
    const auto scored = static_cast<double>(batch.plans[i].num_scored);
    totals.tokens += scored;
    if (i % static_cast<std::size_t>(batch.group_size) == 0) totals.first_tokens += scored;
  }
  totals.rows = static_cast<double>(batch.plans.size());
  totals.groups = static_cast<double>(batch.groups());
  return totals;
}

/// The objective as the engine wants it: divided by what it declares.
inline LossFunction loss_of(const AnyObjective& objective) {
  return [objective](const ScoreSet& scores) {
    ObjectiveResult result = objective.evaluate(scores);
    result.loss_sum = normalised_loss(result, objective.needs().denominator, scores.totals);
    return result;
  };
}

struct EngineWorld {
  std::shared_ptr<TableDenoiser> policy, reference;

  explicit EngineWorld(std::uint64_t policy_seed = 1, std::uint64_t reference_seed = 2)
      : policy(std::make_shared<TableDenoiser>(ToyTable(3, 4, policy_seed))),
        reference(std::make_shared<TableDenoiser>(ToyTable(3, 4, reference_seed), false)) {}

  [[nodiscard]] ScoreEngine<TableDenoiser> engine(std::int64_t tokens_per_forward = 16384) const {
    return {policy, reference, "cpu", EngineOptions{tokens_per_forward}};
  }
  /// The step's gradient by the table, and what the step said.
  std::pair<at::Tensor, EngineStep> gradient(const ScoreBatch& batch, const AnyObjective& objective,
                                             GradientPath path,
                                             std::int64_t tokens_per_forward = 16384) const {
    policy->weights().mutable_grad() = at::Tensor();
    EngineStep step =
        engine(tokens_per_forward)
            .step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
    at::Tensor gradient = policy->weights().grad();
    if (!gradient.defined()) gradient = at::zeros_like(policy->weights());
    return {gradient.clone(), step};
  }
};

inline double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  const double norm = b.norm().item<double>();
  return (a - b).norm().item<double>() / (norm > 0 ? norm : 1.0);
}

}  // namespace lldm::testing
