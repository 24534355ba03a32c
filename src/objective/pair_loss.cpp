// SPDX-License-Identifier: MIT
// Every loss of pairs against a reference, as a formula.
#include "lldm/objective/pair_loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/square.h>

#include <cmath>
#include <tuple>

#include "lldm/errors.hpp"
#include "lldm/objective/aot.hpp"
#include "lldm/objective/aot_unpaired.hpp"
#include "lldm/objective/apo_down.hpp"
#include "lldm/objective/apo_zero.hpp"
#include "lldm/objective/bco_pair.hpp"
#include "lldm/objective/discopop.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/exo_pair.hpp"
#include "lldm/objective/hinge.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/nca_pair.hpp"
#include "lldm/objective/robust.hpp"
#include "lldm/objective/sppo_hard.hpp"

namespace lldm {

at::Tensor smoothed_log_sigmoid(const at::Tensor& margins, double eps) {
  return -at::log_sigmoid(margins) * (1.0 - eps) - at::log_sigmoid(-margins) * eps;
}

std::pair<at::Tensor, at::Tensor> columns_of(const at::Tensor& pairs) {
  return {pairs.select(1, 0), pairs.select(1, 1)};
}

at::Tensor Dpo::losses(const ScoreSet& scores) const {
  return -at::log_sigmoid(margins(scores) * beta());
}

at::Tensor Ipo::losses(const ScoreSet& scores) const {
  return (margins(scores) - 1.0 / (2.0 * beta())).square();
}

at::Tensor Hinge::losses(const ScoreSet& scores) const {
  return at::relu(1.0 - margins(scores) * beta());
}

at::Tensor Robust::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const double wrong = options().label_smoothing;
  return (at::log_sigmoid(-margin) * wrong - at::log_sigmoid(margin) * (1.0 - wrong)) /
         (1.0 - 2.0 * wrong);
}

at::Tensor ExoPair::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const double eps = options().label_smoothing;
  const at::Tensor won = at::sigmoid(margin) * (at::log_sigmoid(margin) - std::log1p(-eps));
  const at::Tensor lost = at::sigmoid(-margin) * (at::log_sigmoid(-margin) - std::log(eps));
  return won + lost;
}

at::Tensor Discopop::losses(const ScoreSet& scores) const {
  const at::Tensor margin = margins(scores) * beta();
  const at::Tensor scaled = margin / options().temperature;
  return -at::log_sigmoid(margin) * at::sigmoid(-scaled) +
         at::exp(at::log_sigmoid(scaled) - margin);
}

at::Tensor NcaPair::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return -at::log_sigmoid(chosen) - 0.5 * at::log_sigmoid(-chosen) -
         0.5 * at::log_sigmoid(-rejected);
}

at::Tensor BcoPair::losses(const ScoreSet& scores) const {
  at::Tensor rewards = ratios(scores) * beta();
  if (options().baseline == BcoBaseline::step_mean) rewards = rewards - rewards.detach().mean();
  const auto [chosen, rejected] = columns_of(rewards);
  return -at::log_sigmoid(chosen) - at::log_sigmoid(-rejected);
}

at::Tensor SppoHard::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores));
  const double target = 1.0 / (2.0 * beta());
  return (chosen - target).square() + (rejected + target).square();
}

at::Tensor ApoZero::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return 1.0 - at::sigmoid(chosen) + at::sigmoid(rejected);
}

at::Tensor ApoDown::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores) * beta());
  return at::sigmoid(chosen) + 1.0 - at::sigmoid(chosen - rejected);
}

at::Tensor Aot::losses(const ScoreSet& scores) const {
  if (!scores.reference.defined()) throw ShapeError("aot: the score set has no reference scores");
  const auto sorted_margins = [&](const at::Tensor& values) {
    const auto [chosen, rejected] =
        columns_of(keys().normalize == Normalize::none ? values : values / scores.lengths);
    return std::get<0>(at::sort(chosen - rejected));
  };
  return smoothed_log_sigmoid(
      (sorted_margins(scores.policy) - sorted_margins(scores.reference)) * beta(),
      options().label_smoothing);
}

at::Tensor AotUnpaired::losses(const ScoreSet& scores) const {
  const auto [chosen, rejected] = columns_of(ratios(scores));
  return smoothed_log_sigmoid(
      (std::get<0>(at::sort(chosen)) - std::get<0>(at::sort(rejected))) * beta(),
      options().label_smoothing);
}

}  // namespace lldm
