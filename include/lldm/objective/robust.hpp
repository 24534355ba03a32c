// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// DPO's loss corrected for labels that are wrong with probability eps:
///     [(1 - eps) (-log sigmoid(m)) - eps (-log sigmoid(-m))] / (1 - 2 eps),  m = beta (s_chosen -
///     s_rejected).
/// Unbiased for the loss under clean labels; it can be negative.
/// Source  Chowdhury et al. 2024 (arXiv:2403.00409); TRL loss_type "robust".
class Robust {
 public:
  struct Options {
    double beta = 0.1;
    double label_smoothing = 0.0;
    Normalise normalise = Normalise::none;
    FDivergence f_divergence = {};
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("label_smoothing", &Options::label_smoothing,
                "Share eps of pairs whose labels are swapped.")
              .at_least(0.0)
              .below(0.5),
          normalise_field<Options>(),
          field("f_divergence", &Options::f_divergence, "The divergence of the implicit reward."),
          ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "robust"; }
  static constexpr std::string_view description() {
    return "DPO corrected for a known share of wrong labels";
  }
  /// ConfigError for options that are not legal.
  explicit Robust(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Robust> && Objective<Robust>);

}  // namespace lldm
