// SPDX-License-Identifier: MIT
#include "lldm/objective/aot_unpaired.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/sum.h>

#include <tuple>

#include "lldm/config/reader.hpp"

namespace lldm {

AotUnpaired::AotUnpaired(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] aot_unpaired");
}

ObjectiveNeeds AotUnpaired::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = ScoreUse::coupled,
          .denominator = Denominator::groups,
          .beyond_shared_length = options_.ld_alpha};
}

ObjectiveResult AotUnpaired::evaluate(const ScoreSet& scores) const {
  const at::Tensor ratios = log_ratios(scores, options_.normalise);
  const at::Tensor chosen = ratios.select(1, 0), rejected = ratios.select(1, 1);
  const at::Tensor difference =
      (std::get<0>(at::sort(chosen)) - std::get<0>(at::sort(rejected))) * options_.beta;
  const double eps = options_.label_smoothing;
  return {(-at::log_sigmoid(difference) * (1.0 - eps) - at::log_sigmoid(-difference) * eps).sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
