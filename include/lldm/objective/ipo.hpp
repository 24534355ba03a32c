// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// ((r_chosen - r_rejected) - 1 / (2 beta))^2, r = policy minus reference score.
///
/// The paper's form by default; TRL's, which divides each r by its own length, with
/// normalise = "response_length".
/// Source  Azar et al. 2023 (IPO), arXiv:2310.12036, eq. (17).
class Ipo {
 public:
  struct Options {
    double beta = 0.1;
    Normalise normalise = Normalise::none;
    FDivergence f_divergence = {};
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "The target margin is 1 / (2 beta).")
              .above(0.0)
              .unit("1/nat"),
          field("normalise", &Options::normalise,
                "none: the paper's form; response_length: TRL's, per scored token."),
          field("f_divergence", &Options::f_divergence, "The divergence of the implicit reward."),
          ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "ipo"; }
  static constexpr std::string_view description() {
    return "squared distance of the preference margin from 1 / (2 beta)";
  }
  /// ConfigError for options that are not legal.
  explicit Ipo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Ipo> && Objective<Ipo>);

}  // namespace lldm
