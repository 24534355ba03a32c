// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"

namespace lldm {

/// -beta log sigmoid(log odds(q_chosen) - log odds(q_rejected)) + sft_weight (-q_chosen),
/// q = S / R the score per scored token, log odds(q) = q - log(1 - exp(q)).
///
/// No reference model.  ORPO's odds are of the geometric mean of the token probabilities; exp(S /
/// R) of a bound S of log p is below it, so this is a surrogate.  log odds is infinite at q = 0 (a
/// noised copy may mask nothing): q is clamped from above at -1e-9, without gradient there.
/// Source  Hong et al. 2024 (ORPO, arXiv:2403.07691), eqs. (4)-(7); TRL's ORPOTrainer.
class Orpo {
 public:
  struct Options {
    double beta = 0.1;
    double sft_weight = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Weight of the odds ratio (the paper's lambda).")
              .above(0.0),
          field("sft_weight", &Options::sft_weight,
                "Weight of minus the chosen answer's score per token.")
              .at_least(0.0)};
    }
  };
  static constexpr std::string_view name() { return "orpo"; }
  static constexpr std::string_view description() {
    return "sft on the chosen answer plus the odds ratio of the pair, without a reference; a "
           "surrogate: the odds are of exp(score per token)";
  }
  /// ConfigError for options that are not legal.
  explicit Orpo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Orpo> && Objective<Orpo>);

}  // namespace lldm
