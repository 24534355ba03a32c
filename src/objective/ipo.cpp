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
          .use = options_.normalise == Normalise::none ? ScoreUse::difference : ScoreUse::each,
          .denominator = Denominator::groups};
}

ObjectiveResult Ipo::evaluate(const ScoreSet& scores) const {
  const at::Tensor ratios = log_ratios(scores, options_.normalise);
  const at::Tensor margin = ratios.select(1, 0) - ratios.select(1, 1);
  return {(margin - 1.0 / (2.0 * options_.beta)).square().sum(),
          preference_metrics(scores, options_.beta)};
}

}  // namespace lldm
