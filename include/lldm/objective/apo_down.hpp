// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// sigmoid(r_c) + 1 - sigmoid(r_c - r_r),  r = beta (policy - reference): both down, the rejected
/// one further; for pairs whose chosen answer is worse than what the model writes. Source
/// D'Oosterlinck et al. 2024 (APO, arXiv:2408.06266); TRL loss_type "apo_down".
class ApoDown {
 public:
  struct Options {
    double beta = 0.1;
    Normalise normalise = Normalise::none;
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{field("beta", &Options::beta, "Strength of the pull to the reference.")
                            .above(0.0)
                            .unit("1/nat"),
                        normalise_field<Options>(), ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "apo_down"; }
  static constexpr std::string_view description() {
    return "both answers down, the rejected one further";
  }
  /// ConfigError for options that are not legal.
  explicit ApoDown(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<ApoDown> && Objective<ApoDown>);

}  // namespace lldm
