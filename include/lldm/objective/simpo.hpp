// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

/// -(1 - eps) log sigmoid(m) - eps log sigmoid(-m),  m = beta (q_chosen - q_rejected) - margin,
/// q = S / R the score per scored token, or AlphaPO's reward (1 - exp(-alpha S / R)) / alpha.
///
/// No reference model; plus sft_weight times minus the chosen answer's score per token (TRL's
/// cpo_alpha).  Per-token scores of a bound of log p: a surrogate of SimPO, whose margin carries
/// the whole variance of both scores.  The exponent of alpha is clamped from above at 340, so that
/// extreme scores give finite losses.
/// Source  Meng et al. 2024 (SimPO, arXiv:2405.14734); Gupta et al. 2025 (AlphaPO,
///         arXiv:2501.03884); TRL's CPOTrainer, loss_type "simpo" (simpo_gamma is `margin`).
class Simpo {
 public:
  struct Options {
    double beta = 2.0;
    double margin = 0.5;
    double alpha = 0.0;
    double label_smoothing = 0.0;
    double sft_weight = 0.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Factor of the difference of scores per token.")
              .above(0.0)
              .unit("1/nat"),
          field("margin", &Options::margin, "What beta times the difference should exceed; gamma.")
              .at_least(0.0),
          field("alpha", &Options::alpha, "Shape of AlphaPO's reward; 0: SimPO's.")
              .range(-4.0, 4.0),
          field("label_smoothing", &Options::label_smoothing, "Smoothing eps of the label.")
              .at_least(0.0)
              .below(0.5),
          field("sft_weight", &Options::sft_weight,
                "Weight of minus the chosen answer's score per token.")
              .at_least(0.0)};
    }
  };
  static constexpr std::string_view name() { return "simpo"; }
  static constexpr std::string_view description() {
    return "a margin between scores per token, without a reference";
  }
  /// ConfigError for options that are not legal.
  explicit Simpo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Simpo> && Objective<Simpo>);

}  // namespace lldm
