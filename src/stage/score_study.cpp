// SPDX-License-Identifier: MIT
#include "stage/score_study.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "lldm/objective/win.hpp"
#include "lldm/score/engine.hpp"

namespace lldm {

TextDraws study_draws(const TrainingSetup& setup, const TrainingRow& pair, std::size_t answer,
                      int repeat) {
  // Epochs from 1: epoch 0 of this purpose is the validation pass.
  return TextDraws(setup.draws, Purpose::evaluation, static_cast<std::uint64_t>(repeat) + 1,
                   pair.id, answer);
}

std::vector<ScorePlan> study_plans(const AnyForwardProcess& process,
                                   const AnyScoreEstimator& estimator, const TrainingSetup& setup,
                                   const std::vector<TrainingRow>& pairs, int repeat) {
  std::vector<ScorePlan> plans;
  for (std::size_t r = 0; r < std::min(pairs.size(), kStudyPairs); ++r)
    for (const std::size_t answer : {std::size_t{0}, pairs[r].answers.size() - 1})
      plans.push_back(estimator.plan(pairs[r].answers[answer], process,
                                     study_draws(setup, pairs[r], answer, repeat)));
  return plans;
}

Result study_scores(const AnyForwardProcess& process, const AnyScoreEstimator& estimator,
                    const TrainingSetup& setup, const std::vector<TrainingRow>& pairs) {
  ScoreEngine<AnyDenoiser> engine(setup.policy, setup.reference, setup.device, setup.engine);
  if (setup.stored_reference) engine.use_stored_reference(setup.stored_reference);
  std::vector<at::Tensor> policy, reference;
  double copies = 0, texts = 0;
  ScoreLabels labels = setup.labels;
  if (setup.validation_row) labels.row = setup.validation_row;
  std::vector<std::uint64_t> ids;
  for (std::size_t r = 0; r < std::min(pairs.size(), kStudyPairs); ++r) ids.push_back(pairs[r].id);
  for (int repeat = 0; repeat < kStudyRepeats; ++repeat) {
    ScoreBatch batch;
    batch.group_size = 2;
    batch.plans = study_plans(process, estimator, setup, pairs, repeat);
    for (const ScorePlan& plan : batch.plans) copies += static_cast<double>(plan.copies());
    texts += static_cast<double>(batch.plans.size());
    const ScoreSet set = engine.score(batch);
    require_finite_scores(batch, set, ids, labels, " in the study of held-out pairs");
    policy.push_back(set.policy);
    if (set.reference.defined()) reference.push_back(set.reference);
  }
  const at::Tensor scores = at::stack(policy);  // [K, B, 2]
  // Without a reference the margin is of the scores themselves.
  const at::Tensor base = reference.empty() ? at::zeros_like(scores) : at::stack(reference);
  const at::Tensor ratios = scores - base;
  const at::Tensor margins = ratios.select(2, 0) - ratios.select(2, 1);  // [K, B]
  const auto root = [](const at::Tensor& values) {
    return std::sqrt(values.var(0, /*unbiased=*/true).mean().item<double>());
  };
  const at::Tensor a = scores - scores.mean(0, true), b = base - base.mean(0, true);
  const double moments = std::sqrt((a * a).sum().item<double>() * (b * b).sum().item<double>());
  const at::Tensor flat = margins.contiguous();
  double wins = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) wins += win(flat.const_data_ptr<double>()[i], 0);
  Result result;
  result["pairs"] = margins.size(1);
  result["repeats"] = kStudyRepeats;
  result["evaluated_passes_per_text"] = copies / texts;
  result["score_sd"] = root(scores);
  if (!reference.empty()) result["log_ratio_sd"] = root(ratios);
  result["margin_sd"] = root(margins);
  if (moments > 0) result["policy_reference_correlation"] = (a * b).sum().item<double>() / moments;
  result["reward_accuracy"] = wins / static_cast<double>(flat.numel());
  return result;
}

}  // namespace lldm
