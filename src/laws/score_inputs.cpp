// SPDX-License-Identifier: MIT
#include "lldm/laws/score_inputs.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "lldm/draws/stream.hpp"

namespace lldm::laws {

ScoreSet set_of_parts(const at::Tensor& policy, const at::Tensor& reference,
                      const at::Tensor& lengths) {
  ScoreSet set;
  set.parts = policy, set.reference_parts = reference;
  set.policy = policy.sum(2), set.reference = reference.sum(2);
  set.lengths = lengths;
  set.auxiliary["evaluations"] =
      at::ones({policy.size(0), policy.size(1)}, at::kDouble) * static_cast<double>(policy.size(2));
  set.auxiliary["times"] = at::zeros_like(reference) + 0.5;
  set.auxiliary["mismatched_policy"] = set.policy.detach().select(1, 0) + 1.5;
  set.auxiliary["mismatched_reference"] = set.reference.select(1, 0);
  set.totals.groups = static_cast<double>(policy.size(0));
  set.totals.rows = static_cast<double>(policy.size(0) * policy.size(1));
  set.totals.tokens = lengths.sum().item<double>();
  set.totals.first_tokens = lengths.select(1, 0).sum().item<double>();
  return set;
}

RandomParts::RandomParts(std::int64_t groups, std::int64_t size, std::uint64_t seed) {
  Stream stream = Draws(seed, "scores").stream(Purpose::data);
  std::vector<double> p, r, l;
  for (std::int64_t i = 0; i < groups * size; ++i) {
    for (int k = 0; k < 3; ++k) {
      p.push_back(-20.0 / 3 + stream.normal());
      r.push_back(p.back() + 0.6 * stream.normal());
    }
    l.push_back(static_cast<double>(1 + stream.below(9)));
  }
  policy = at::tensor(p, at::kDouble).view({groups, size, 3});
  reference = at::tensor(r, at::kDouble).view({groups, size, 3});
  lengths = at::tensor(l, at::kDouble).view({groups, size});
}

ScoreSet RandomParts::group(std::int64_t b) const {
  ScoreSet one =
      set_of_parts(policy.narrow(0, b, 1), reference.narrow(0, b, 1), lengths.narrow(0, b, 1));
  one.totals = set().totals;
  return one;
}

RandomParts extreme_parts(std::int64_t size, std::int64_t first, std::int64_t groups) {
  std::vector<double> policy, reference, lengths;
  for (std::int64_t code = first; code < first + groups; ++code)
    for (std::int64_t g = 0; g < size; ++g) {
      const auto pick = [&](std::int64_t digit) {
        return 1e3 * static_cast<double>(code / digit % 3 - 1);
      };
      for (int k = 0; k < 3; ++k) {
        policy.push_back(pick(g == 0 ? 1 : 3) / 3);
        reference.push_back(pick(g == 0 ? 9 : 27) / 3);
      }
      lengths.push_back(g == 0 ? 1 : 1000);
    }
  RandomParts at(groups, size, 1);
  at.policy = at::tensor(policy, at::kDouble).view({groups, size, 3});
  at.reference = at::tensor(reference, at::kDouble).view({groups, size, 3});
  at.lengths = at::tensor(lengths, at::kDouble).view({groups, size});
  return at;
}

at::Tensor part_slopes(const AnyObjective& objective, const RandomParts& at) {
  const at::Tensor leaf = at.policy.detach().clone().set_requires_grad(true);
  const ScoreSet set = set_of_parts(leaf, at.reference, at.lengths);
  return torch::autograd::grad({objective.evaluate(set).loss_sum}, {leaf}).front();
}

}  // namespace lldm::laws
