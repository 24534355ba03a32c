// SPDX-License-Identifier: MIT
#include "lldm/objective/ipo.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Ipo::Ipo(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] ipo");
}

ObjectiveNeeds Ipo::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = use_of_margins(options_.f_divergence, options_.normalise),
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Ipo::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin = preference_margins(scores, options_.f_divergence, options_.normalise);
  return {(margin - 1.0 / (2.0 * options_.beta)).square().sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
