// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// The sorted log-ratios of the chosen answers against the sorted log-ratios of the rejected ones
/// over the whole optimizer step, pairs torn apart:
///     -(1 - eps) log sigmoid(beta d) - eps log sigmoid(-beta d),  d = sort(u_c) - sort(u_r).
/// It couples all pairs of the step: gradient_path retain or replay.
/// Source  Melnyk et al. 2024 (AOT, arXiv:2406.05882); TRL loss_type "aot_unpaired".
class AotUnpaired {
 public:
  struct Options {
    double beta = 0.1;
    double label_smoothing = 0.0;
    Normalise normalise = Normalise::none;
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("label_smoothing", &Options::label_smoothing, "Smoothing eps of the label.")
              .range(0.0, 1.0),
          normalise_field<Options>(), ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "aot_unpaired"; }
  static constexpr std::string_view description() {
    return "sorted log-ratios of chosen answers above those of rejected ones";
  }
  /// ConfigError for options that are not legal.
  explicit AotUnpaired(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<AotUnpaired> && Objective<AotUnpaired>);

}  // namespace lldm
