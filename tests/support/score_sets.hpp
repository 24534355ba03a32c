// SPDX-License-Identifier: MIT
// Score sets by hand, for objectives.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "lldm/concepts/score_set.hpp"

namespace lldm::testing {

/// Sets of groups [B, G]; a `reference` without values is left undefined.
inline ScoreSet score_set(std::int64_t group_size, const std::vector<double>& policy,
                          const std::vector<double>& reference,
                          const std::vector<double>& lengths) {
  const auto shaped = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).view({-1, group_size});
  };
  ScoreSet set;
  set.policy = shaped(policy);
  if (!reference.empty()) set.reference = shaped(reference);
  set.lengths = shaped(lengths);
  set.totals.groups = static_cast<double>(set.policy.size(0));
  set.totals.rows = static_cast<double>(policy.size());
  set.totals.tokens = set.lengths.sum().item<double>();
  set.totals.first_tokens = set.lengths.select(1, 0).sum().item<double>();
  return set;
}

/// d loss_sum / d policy.
template <class O>
at::Tensor slopes(const O& objective, ScoreSet set) {
  set.policy = set.policy.detach().clone().set_requires_grad(true);
  return torch::autograd::grad({objective.evaluate(set).loss_sum}, {set.policy}).front();
}

}  // namespace lldm::testing
