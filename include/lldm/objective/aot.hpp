// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// Distributional preference: the sorted margins of the policy against the sorted margins of the
/// reference over the whole optimizer step,
///     -(1 - eps) log sigmoid(beta d) - eps log sigmoid(-beta d),
/// d = sort(policy chosen - rejected) - sort(reference chosen - rejected).
/// It couples all pairs of the step: gradient_path retain or replay.
/// Source  Melnyk et al. 2024 (AOT, arXiv:2406.05882); TRL loss_type "aot".
class Aot {
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
  static constexpr std::string_view name() { return "aot"; }
  static constexpr std::string_view description() {
    return "sorted margins of the policy above those of the reference";
  }
  /// ConfigError for options that are not legal.
  explicit Aot(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Aot> && Objective<Aot>);

}  // namespace lldm
