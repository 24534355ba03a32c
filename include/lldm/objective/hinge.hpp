// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// max(0, 1 - beta (s_chosen - s_rejected)), s the divergence score of policy minus reference.
/// No gradient from a pair whose margin is beyond 1 / beta.
/// Source  Zhao et al. 2023 (SLiC, arXiv:2305.10425); TRL loss_type "hinge".
class Hinge {
 public:
  struct Options {
    double beta = 0.1;
    Normalise normalise = Normalise::none;
    FDivergence f_divergence = {};
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          normalise_field<Options>(),
          field("f_divergence", &Options::f_divergence, "The divergence of the implicit reward."),
          ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "hinge"; }
  static constexpr std::string_view description() {
    return "a hinge on beta times the preference margin";
  }
  /// ConfigError for options that are not legal.
  explicit Hinge(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Hinge> && Objective<Hinge>);

}  // namespace lldm
