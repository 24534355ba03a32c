// SPDX-License-Identifier: MIT
#include "lldm/objective/pretraining.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>

namespace lldm {

ObjectiveNeeds Pretraining::needs() const {
  return {.group_size = 1,
          .reference = false,
          .use = ScoreUse::linear,
          .denominator = options_.llada_parity ? Denominator::none : Denominator::tokens,
          .random_length_by_batch = options_.llada_parity};
}

ObjectiveResult Pretraining::evaluate(const ScoreSet& scores) const {
  const at::Tensor tokens = scores.lengths.sum();
  const at::Tensor nats = -scores.policy.sum();
  ObjectiveResult result;
  result.loss_sum = options_.llada_parity ? nats / (tokens * scores.totals.micro_batches) : nats;
  result.metrics["nats_per_token"] = {nats.item<double>(), tokens.item<double>()};
  return result;
}

}  // namespace lldm
