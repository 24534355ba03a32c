// SPDX-License-Identifier: MIT
#include "lldm/objective/normalize.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/sum.h>

#include "lldm/errors.hpp"
#include "lldm/objective/win.hpp"

namespace lldm {
namespace {

void require_reference(const ScoreSet& scores, const char* asker) {
  if (!scores.reference.defined())
    throw ShapeError(message(asker, ": the score set has no reference scores"));
}

}  // namespace

at::Tensor policy_scores(const ScoreSet& scores, Normalize normalize) {
  return normalize == Normalize::none ? scores.policy : scores.policy / scores.lengths;
}

at::Tensor chosen_nats_per_token(const ScoreSet& scores) {
  return -scores.policy.select(1, 0) / scores.lengths.select(1, 0);
}

at::Tensor log_ratios(const ScoreSet& scores, Normalize normalize) {
  require_reference(scores, "log_ratios");
  const at::Tensor ratios = scores.policy - scores.reference;
  return normalize == Normalize::none ? ratios : ratios / scores.lengths;
}

std::map<std::string, Mean> preference_metrics(const ScoreSet& scores, double beta) {
  require_reference(scores, "preference_metrics");
  return reward_metrics(scores, (scores.policy.detach() - scores.reference) * beta);
}

std::map<std::string, Mean> reward_metrics(const ScoreSet& scores, const at::Tensor& rewards) {
  const at::Tensor policy = scores.policy.detach(), of = rewards.detach().to(at::kDouble);
  const at::Tensor flat = of.contiguous();
  const double* reward = flat.const_data_ptr<double>();
  const std::int64_t answers = policy.size(1);
  const auto count = static_cast<double>(policy.size(0));
  const auto sum = [](const at::Tensor& values) { return values.sum().item<double>(); };
  const at::Tensor chosen = of.select(1, 0), rejected = of.select(1, answers - 1);
  Mean ordered;
  for (std::int64_t b = 0; b < policy.size(0); ++b, reward += answers)
    for (std::int64_t i = 0; i < answers; ++i)
      for (std::int64_t j = i + 1; j < answers; ++j) {
        ordered.sum += win(reward[i], reward[j]);
        ordered.count += 1;
      }
  return {{"rewards/chosen", {sum(chosen), count}},
          {"rewards/rejected", {sum(rejected), count}},
          {"rewards/accuracies", ordered},
          {"rewards/margins", {sum(chosen - rejected), count}},
          {"logps/chosen", {sum(policy.select(1, 0)), count}},
          {"logps/rejected", {sum(policy.select(1, answers - 1)), count}}};
}

}  // namespace lldm
