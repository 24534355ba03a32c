// SPDX-License-Identifier: MIT
#include "lldm/objective/normalise.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/sum.h>

#include "lldm/errors.hpp"

namespace lldm {

at::Tensor log_ratios(const ScoreSet& scores, Normalise normalise) {
  if (!scores.reference.defined())
    throw ShapeError("log_ratios: the score set has no reference scores");
  const at::Tensor ratios = scores.policy - scores.reference;
  return normalise == Normalise::none ? ratios : ratios / scores.lengths;
}

std::map<std::string, Mean> preference_metrics(const ScoreSet& scores, double beta) {
  const at::Tensor policy = scores.policy.detach();
  const at::Tensor rewards = (policy - scores.reference) * beta;
  const auto count = static_cast<double>(policy.size(0));
  const auto sum = [](const at::Tensor& values) { return values.sum().item<double>(); };
  const at::Tensor chosen = rewards.select(1, 0), rejected = rewards.select(1, 1);
  return {{"rewards/chosen", {sum(chosen), count}},
          {"rewards/rejected", {sum(rejected), count}},
          {"rewards/accuracies", {sum(chosen.gt(rejected).to(at::kDouble)), count}},
          {"rewards/margins", {sum(chosen - rejected), count}},
          {"logps/chosen", {sum(policy.select(1, 0)), count}},
          {"logps/rejected", {sum(policy.select(1, 1)), count}}};
}

}  // namespace lldm
