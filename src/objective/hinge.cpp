// SPDX-License-Identifier: MIT
#include "lldm/objective/hinge.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Hinge::Hinge(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] hinge");
}

ObjectiveNeeds Hinge::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = use_of_margins(options_.f_divergence, options_.normalise),
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Hinge::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin =
      preference_margins(scores, options_.f_divergence, options_.normalise) * options_.beta;
  return {at::relu(1.0 - margin).sum(), preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
