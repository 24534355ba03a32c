// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_down.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

ApoDown::ApoDown(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] apo_down");
}

ObjectiveNeeds ApoDown::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::each,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult ApoDown::evaluate(const ScoreSet& scores) const {
  const at::Tensor rewards = log_ratios(scores, options_.normalise) * options_.beta;
  const at::Tensor chosen = rewards.select(1, 0), rejected = rewards.select(1, 1);
  return {(at::sigmoid(chosen) + 1.0 - at::sigmoid(chosen - rejected)).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
