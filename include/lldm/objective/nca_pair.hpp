// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// -log sigmoid(r_c) - 1/2 log sigmoid(-r_c) - 1/2 log sigmoid(-r_r),  r = beta (policy -
/// reference): keeps the chosen answer's own likelihood from falling.
///
/// Source  Chen et al. 2024 (NCA, arXiv:2402.05369); TRL loss_type "nca_pair".
class NcaPair {
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
  static constexpr std::string_view name() { return "nca_pair"; }
  static constexpr std::string_view description() {
    return "noise-contrastive alignment of a pair, each answer for itself";
  }
  /// ConfigError for options that are not legal.
  explicit NcaPair(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<NcaPair> && Objective<NcaPair>);

}  // namespace lldm
