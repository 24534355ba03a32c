// SPDX-License-Identifier: MIT
#include "train/reads_micro_batches.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

namespace lldm {

bool reads_micro_batches(const ObjectiveNeeds& needs, const LossFunction& loss) {
  if (needs.denominator != Denominator::none || needs.use == ScoreUse::coupled) return false;
  const auto loss_of = [&](double micro_batches) {
    ScoreSet set;
    set.policy = at::full({1, needs.group_size}, -1.0, at::kDouble);
    if (needs.reference) set.reference = set.policy;
    set.lengths = at::ones({1, needs.group_size}, at::kDouble);
    set.totals = {.tokens = 1, .rows = 1, .groups = 1, .first_tokens = 1};
    set.totals.micro_batches = micro_batches;
    return loss(set).loss_sum.item<double>();
  };
  try {
    return loss_of(1) != loss_of(2);
  } catch (const std::exception&) {  // it reads more than that: nobody knows
    return true;
  }
}

}  // namespace lldm
