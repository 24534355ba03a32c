// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// (u_c - 1/(2 beta))^2 + (u_r + 1/(2 beta))^2,  u = policy - reference: self-play with hard
/// labels.
///
/// Source  Wu et al. 2024 (SPPO, arXiv:2405.00675); TRL loss_type "sppo_hard".
class SppoHard {
 public:
  struct Options {
    double beta = 0.1;
    Normalise normalise = Normalise::none;
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "The targets are +-1 / (2 beta).").above(0.0).unit("1/nat"),
          normalise_field<Options>(), ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "sppo_hard"; }
  static constexpr std::string_view description() {
    return "squared distance of each log-ratio from +-1 / (2 beta)";
  }
  /// ConfigError for options that are not legal.
  explicit SppoHard(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<SppoHard> && Objective<SppoHard>);

}  // namespace lldm
