// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_zero.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

ApoZero::ApoZero(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] apo_zero");
}

ObjectiveNeeds ApoZero::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::each,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult ApoZero::evaluate(const ScoreSet& scores) const {
  const at::Tensor rewards = log_ratios(scores, options_.normalise) * options_.beta;
  const at::Tensor chosen = rewards.select(1, 0), rejected = rewards.select(1, 1);
  return {(1.0 - at::sigmoid(chosen) + at::sigmoid(rejected)).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
