// SPDX-License-Identifier: MIT
#include "lldm/objective/exo_pair.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include <cmath>

#include "lldm/config/reader.hpp"

namespace lldm {

ExoPair::ExoPair(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] exo_pair");
}

ObjectiveNeeds ExoPair::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = use_of_margins(options_.f_divergence, options_.normalise),
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult ExoPair::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin =
      preference_margins(scores, options_.f_divergence, options_.normalise) * options_.beta;
  const double eps = options_.label_smoothing;
  const at::Tensor won = at::sigmoid(margin) * (at::log_sigmoid(margin) - std::log1p(-eps));
  const at::Tensor lost = at::sigmoid(-margin) * (at::log_sigmoid(-margin) - std::log(eps));
  return {(won + lost).sum(), preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
