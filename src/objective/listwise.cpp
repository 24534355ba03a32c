// SPDX-License-Identifier: MIT
#include "lldm/objective/listwise.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Listwise::Listwise(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] listwise");
}

ObjectiveNeeds Listwise::needs() const {
  const bool is_difference = options_.answers == 2 && options_.normalize == Normalize::none;
  return {.group_size = options_.answers,
          .reference = true,
          .use = is_difference ? ScoreUse::difference : ScoreUse::each,
          .denominator = Denominator::groups};
}

ObjectiveResult Listwise::evaluate(const ScoreSet& scores) const {
  const at::Tensor ratios = log_ratios(scores, options_.normalize);
  const std::int64_t answers = ratios.size(1);
  // The last stage is a pair: as dpo writes it, so that G = 2 gives its bits.
  at::Tensor loss =
      -at::log_sigmoid((ratios.select(1, answers - 2) - ratios.select(1, answers - 1)) *
                       options_.beta)
           .sum();
  for (std::int64_t i = 0; i + 2 < answers; ++i) {
    // Relative to the winner of the stage: a sum of exp(<= 0) where it is right.
    const at::Tensor behind =
        (ratios.narrow(1, i, answers - i) - ratios.select(1, i).unsqueeze(1)) * options_.beta;
    loss = loss + at::logsumexp(behind, {1}).sum();
  }
  return {loss, preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
