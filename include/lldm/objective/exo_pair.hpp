// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// Reverse KL between the smoothed label and the model's preference, both over the pair:
///     q_w (log q_w - log(1 - eps)) + q_l (log q_l - log eps),  q_w = sigmoid(m), q_l =
///     sigmoid(-m),
/// m = beta (s_chosen - s_rejected).  At eps = 0 it would be infinite.
/// Source  Ji et al. 2024 (EXO, arXiv:2402.00856), eq. (16); TRL loss_type "exo_pair".
class ExoPair {
 public:
  struct Options {
    double beta = 0.1;
    double label_smoothing = 0.1;
    Normalise normalise = Normalise::none;
    FDivergence f_divergence = {};
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("label_smoothing", &Options::label_smoothing,
                "Smoothing eps of the label, above 0.")
              .between(0.0, 1.0),
          normalise_field<Options>(),
          field("f_divergence", &Options::f_divergence, "The divergence of the implicit reward."),
          ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "exo_pair"; }
  static constexpr std::string_view description() {
    return "reverse KL between the smoothed label and the model over a pair";
  }
  /// ConfigError for options that are not legal.
  explicit ExoPair(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<ExoPair> && Objective<ExoPair>);

}  // namespace lldm
