// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// DPO for continuous-time masked noise:
///     E_t -log sigmoid(beta (D_t(chosen) - D_t(rejected))),
///     D_t(y) = w(t) sum over masked positions of (log p - log p_ref)(y_i),
///     w(t) = -alpha'(t) / (1 - alpha(t)),
/// t uniform in [time_min, 1] and the same for both answers, their masks independent.
///
/// Against `stepwise_dpo`: the formula over evaluations is the same; here an evaluation is one
/// drawn time with the process's rate w(t) as its weight, so that the mean over draws is an
/// unbiased estimate of the integral over time, and both answers meet the same t.  There it is a
/// step of a path of T steps (or whatever the estimator evaluates) and no time need be shared.
/// Accepts only `monte_carlo_elbo` with count = "bernoulli" and share_times = true: the one whose
/// plans carry equal times for both answers.  Everything else is refused by name.
/// gradient_path retain or replay, as stepwise_dpo.
/// Source  Borso et al. 2025 (D2-DPO, arXiv:2503.08295); the masked case of their D, whose exit
///         rates cancel between policy and reference.
class D2Dpo : public PairLoss<D2Dpo, BetaOptions> {
 public:
  explicit D2Dpo(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "d2_dpo"; }
  static constexpr std::string_view description() {
    return "DPO at one drawn time of continuous-time masked noise, the mean over times outside the "
           "sigmoid";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<D2Dpo> && Objective<D2Dpo>);

}  // namespace lldm
