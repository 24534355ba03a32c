// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"

namespace lldm {

/// DPO for continuous-time masked noise:
///     E_t -log sigmoid(beta (D_t(chosen) - D_t(rejected))),
///     D_t(y) = w(t) sum over masked positions of (log p - log p_ref)(y_i),  w(t) = -alpha'(t) /
///     (1 - alpha(t)),
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
/// rates cancel between policy and reference.
class D2Dpo {
 public:
  struct Options {
    double beta = 0.1;
    static constexpr auto describe() {
      return std::tuple{field("beta", &Options::beta, "Strength of the pull to the reference.")
                            .above(0.0)
                            .unit("1/nat")};
    }
  };
  static constexpr std::string_view name() { return "d2_dpo"; }
  static constexpr std::string_view description() {
    return "DPO at one drawn time of continuous-time masked noise, the mean over times outside the "
           "sigmoid";
  }
  /// ConfigError for options that are not legal.
  explicit D2Dpo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<D2Dpo> && Objective<D2Dpo>);

}  // namespace lldm
