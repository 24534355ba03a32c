// SPDX-License-Identifier: MIT
#include "lldm/objective/aot.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/sum.h>

#include <tuple>

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

Aot::Aot(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] aot");
}

ObjectiveNeeds Aot::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::coupled,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult Aot::evaluate(const ScoreSet& scores) const {
  if (!scores.reference.defined()) throw ShapeError("aot: the score set has no reference scores");
  const auto sorted_margins = [&](const at::Tensor& values) {
    const at::Tensor each =
        options_.normalise == Normalise::none ? values : values / scores.lengths;
    return std::get<0>(at::sort(each.select(1, 0) - each.select(1, 1)));
  };
  const at::Tensor difference =
      (sorted_margins(scores.policy) - sorted_margins(scores.reference)) * options_.beta;
  const double eps = options_.label_smoothing;
  return {(-at::log_sigmoid(difference) * (1.0 - eps) - at::log_sigmoid(-difference) * eps).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
