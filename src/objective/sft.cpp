// SPDX-License-Identifier: MIT
#include "lldm/objective/sft.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>

namespace lldm {

ObjectiveNeeds Sft::needs() const {
  return {.group_size = 1,
          .reference = false,
          .use = ScoreUse::linear,
          .denominator = options_.llada_parity ? Denominator::none : Denominator::rows,
          .random_length_by_batch = options_.llada_parity};
}

ObjectiveResult Sft::evaluate(const ScoreSet& scores) const {
  const at::Tensor per_row = -scores.policy / scores.lengths;
  const auto rows = static_cast<double>(scores.policy.size(0));
  ObjectiveResult result;
  result.loss_sum = per_row.sum();
  if (options_.llada_parity)
    result.loss_sum = result.loss_sum / (rows * scores.totals.micro_batches);
  result.metrics["nats_per_token"] = {-scores.policy.sum().item<double>(),
                                      scores.lengths.sum().item<double>()};
  return result;
}

}  // namespace lldm
