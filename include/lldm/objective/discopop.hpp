// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// A blend, found by search, of the logistic and the exponential loss of m = beta (s_chosen -
/// s_rejected):
///     -log sigmoid(m) (1 - w) + exp(-m) w,  w = sigmoid(m / temperature).
/// The second term is taken as exp(-m + log w), which stays finite at every m while temperature
/// < 1.
///
/// Source  Lu et al. 2024 (DiscoPOP, arXiv:2406.08414); TRL loss_type "discopop".
class Discopop {
 public:
  struct Options {
    double beta = 0.1;
    double temperature = 0.05;
    Normalise normalise = Normalise::none;
    FDivergence f_divergence = {};
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference (the paper: 0.05).")
              .above(0.0)
              .unit("1/nat"),
          field("temperature", &Options::temperature, "Width of the blend (the paper: 0.05).")
              .between(0.0, 1.0),
          normalise_field<Options>(),
          field("f_divergence", &Options::f_divergence, "The divergence of the implicit reward."),
          ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "discopop"; }
  static constexpr std::string_view description() {
    return "log-ratio modulated loss, a blend of logistic and exponential";
  }
  /// ConfigError for options that are not legal.
  explicit Discopop(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Discopop> && Objective<Discopop>);

}  // namespace lldm
