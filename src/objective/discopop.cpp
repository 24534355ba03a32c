// SPDX-License-Identifier: MIT
#include "lldm/objective/discopop.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>

#include "lldm/config/reader.hpp"

namespace lldm {

Discopop::Discopop(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] discopop");
}

ObjectiveNeeds Discopop::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = use_of_margins(options_.f_divergence, options_.normalise),
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Discopop::evaluate(const ScoreSet& scores) const {
  const at::Tensor margin =
      preference_margins(scores, options_.f_divergence, options_.normalise) * options_.beta;
  const at::Tensor scaled = margin / options_.temperature;
  const at::Tensor logistic = -at::log_sigmoid(margin) * at::sigmoid(-scaled);
  const at::Tensor exponential = at::exp(at::log_sigmoid(scaled) - margin);
  return {(logistic + exponential).sum(), preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
