// SPDX-License-Identifier: MIT
#include "train/score_metrics.hpp"

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "lldm/score/combine.hpp"

namespace lldm {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Squared standard error of the mean of independent values.
double squared_error(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  if (n < 2) return kUnknown;
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / (n * (n - 1));
}

/// Pooled products of the deviations of a text's policy and reference replicates.
struct Correlation {
  double both = 0, policy = 0, reference = 0;

  void add(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() < 2 || a.size() != b.size()) return;
    double mean_a = 0, mean_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      mean_a += a[i] / static_cast<double>(a.size());
      mean_b += b[i] / static_cast<double>(b.size());
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
      both += (a[i] - mean_a) * (b[i] - mean_b);
      policy += (a[i] - mean_a) * (a[i] - mean_a);
      reference += (b[i] - mean_b) * (b[i] - mean_b);
    }
  }
  [[nodiscard]] double value() const {
    const double scale = std::sqrt(policy * reference);
    return scale > 0 ? both / scale : kUnknown;
  }
};

/// Kish's effective number of a plan's evaluations, by their weights.
double effective_draws(const ScorePlan& plan) {
  std::vector<double> weights(static_cast<std::size_t>(plan.copies()), 0.0);
  for (const Query& query : plan.queries)
    weights[static_cast<std::size_t>(query.copy)] += query.weight;
  double sum = 0, squares = 0;
  for (const double weight : weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares > 0 ? sum * sum / squares : 0.0;
}

/// [B * G] squared standard errors of what the loss sees of every answer: the log-ratio to the
/// reference, or the score where there is none.
std::vector<double> squared_errors(const EngineStep& step, const ScoreBatch& batch,
                                   Correlation& correlation) {
  const auto& others = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
  const bool has_reference = !step.reference_readouts.empty();
  const bool is_shared = batch.reference_plans.empty();
  std::vector<double> errors;
  std::size_t at = 0, other_at = 0;
  const auto next = [](const std::vector<double>& all, std::size_t& from, const ScorePlan& plan) {
    const auto part = std::span(all).subspan(from, plan.queries.size());
    from += plan.queries.size();
    return part;
  };
  for (std::size_t i = 0; i < batch.plans.size(); ++i) {
    std::vector<double> policy =
        replicate_scores(batch.plans[i], next(step.readouts, at, batch.plans[i]));
    if (!has_reference) {
      errors.push_back(squared_error(policy));
      continue;
    }
    const std::vector<double> reference =
        replicate_scores(others[i], next(step.reference_readouts, other_at, others[i]));
    correlation.add(policy, reference);
    if (!is_shared || policy.size() != reference.size()) {
      errors.push_back(squared_error(policy) + squared_error(reference));
      continue;
    }
    for (std::size_t r = 0; r < policy.size(); ++r) policy[r] -= reference[r];
    errors.push_back(squared_error(policy));
  }
  return errors;
}

/// Sum over answers of (dLoss/dS)^2 Var(S); NaN where the loss reads anything but the scores
/// themselves.
double loss_variance(const ScoreSet& scores, const std::vector<double>& errors,
                     const LossFunction& loss) {
  const c10::AutoGradMode with_grad(true);
  ScoreSet leaf = scores;
  leaf.policy = scores.policy.detach().clone().set_requires_grad(true);
  std::vector<at::Tensor> read{leaf.policy};
  if (scores.parts.defined())
    read.push_back(leaf.parts = scores.parts.detach().clone().set_requires_grad(true));
  const ObjectiveResult result = loss(leaf);
  if (!result.loss_sum.requires_grad()) return kUnknown;
  const auto slopes = torch::autograd::grad({result.loss_sum}, read, {}, std::nullopt, false,
                                            /*allow_unused=*/true);
  if (!slopes.front().defined() || (slopes.size() > 1 && slopes[1].defined())) return kUnknown;
  const at::Tensor flat = slopes.front().contiguous();
  double variance = 0;
  for (std::size_t i = 0; i < errors.size(); ++i)
    variance += flat.const_data_ptr<double>()[i] * flat.const_data_ptr<double>()[i] * errors[i];
  return variance;
}

void add_counts(std::map<std::string, Mean>& metrics, const ScoreBatch& batch) {
  for (const ScorePlan& plan : batch.plans) {
    const auto positions = static_cast<double>(plan.copies() * plan.num_scored);
    metrics["score/queried_share"].sum += static_cast<double>(plan.queries.size());
    metrics["score/queried_share"].count += positions;
    metrics["score/mask_ratio"].sum += static_cast<double>(plan.noised);
    metrics["score/mask_ratio"].count += positions;
    metrics["score/effective_draws"].sum += effective_draws(plan);
    metrics["score/effective_draws"].count += 1;
  }
}

}  // namespace

ScoreNoise score_noise(const EngineStep& step, const ScoreBatch& batch, const LossFunction& loss) {
  ScoreNoise noise;
  const auto add_known = [&](const char* name, double value) {
    if (std::isnan(value)) return;
    noise.metrics[name].sum += value;
    noise.metrics[name].count += 1;
  };
  const at::Tensor own = step.scores.auxiliary.at("standard_error").contiguous();
  for (std::int64_t i = 0; i < own.numel(); ++i)
    add_known("score/standard_error", own.const_data_ptr<double>()[i]);
  add_counts(noise.metrics, batch);
  Correlation correlation;
  const std::vector<double> errors = squared_errors(step, batch, correlation);
  add_known("score/policy_reference_correlation", correlation.value());
  const auto group = static_cast<std::size_t>(batch.group_size == 2 ? 2 : 1);
  double sum = 0;
  for (std::size_t i = 0; i + group <= errors.size(); i += group) {
    // Answers that share their times do not draw independently: no error of their margin is known.
    const bool is_shared = group == 2 && !batch.plans[i].times.empty() &&
                           batch.plans[i].times == batch.plans[i + 1].times;
    const double squared = is_shared    ? kUnknown
                           : group == 2 ? errors[i] + errors[i + 1]
                                        : errors[i];
    if (group == 2) add_known("margin/standard_error", std::sqrt(squared));
    if (std::isnan(squared)) continue;
    sum += squared;
    noise.num_errors += 1;
  }
  noise.squared_error = noise.num_errors > 0 ? sum / noise.num_errors : kUnknown;
  noise.loss_variance = loss_variance(step.scores, errors, loss);
  return noise;
}

}  // namespace lldm
