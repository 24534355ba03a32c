// SPDX-License-Identifier: MIT
#include "lldm/objective/dpo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Dpo::Dpo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] dpo");
}

ObjectiveNeeds Dpo::needs() const {
  return {
      .group_size = 2,
      .reference = true,
      // Per-token scores weigh the two answers differently: no longer a function of one difference.
      .use = use_of_margins(options_.f_divergence, options_.normalise),
      .denominator = Denominator::groups,
      .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Dpo::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin = preference_margins(scores, options_.f_divergence, options_.normalise);
  return {-at::log_sigmoid(margin * options_.beta).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
