// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/f_divergence.hpp"

namespace lldm {

/// -log sigmoid(beta (r_chosen - r_rejected)), r = policy minus reference score.
///
/// With normalise = "response_length" each r is divided by its own scored length first (TRL's
/// `sigmoid_norm`).  Exact at large margins (no overflow).
/// Source  Rafailov et al. 2023 (DPO), eq. (7); with likelihood bounds, VRPO (arXiv:2505.19223),
/// eq. (4).
class Dpo {
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
  static constexpr std::string_view name() { return "dpo"; }
  static constexpr std::string_view description() {
    return "-log sigmoid(beta times the preference margin against the reference)";
  }
  /// ConfigError for options that are not legal.
  explicit Dpo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Dpo> && Objective<Dpo>);

}  // namespace lldm
