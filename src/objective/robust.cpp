// SPDX-License-Identifier: MIT
#include "lldm/objective/robust.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Robust::Robust(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] robust");
}

ObjectiveNeeds Robust::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = use_of_margins(options_.f_divergence, options_.normalise),
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Robust::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin =
      preference_margins(scores, options_.f_divergence, options_.normalise) * options_.beta;
  const double wrong = options_.label_smoothing;
  const at::Tensor losses =
      (at::log_sigmoid(-margin) * wrong - at::log_sigmoid(margin) * (1.0 - wrong)) /
      (1.0 - 2.0 * wrong);
  return {losses.sum(), preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
