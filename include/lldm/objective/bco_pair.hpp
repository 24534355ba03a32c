// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalise.hpp"

namespace lldm {

/// What BCO subtracts from every reward.
enum class BcoBaseline : std::uint8_t {
  none,       // nothing, as TRL's DPO trainer
  step_mean,  // the mean reward of all answers of the optimizer step
};
constexpr auto choices(std::type_identity<BcoBaseline>) {
  return std::array{Choice<BcoBaseline>{"none", BcoBaseline::none},
                    Choice<BcoBaseline>{"step_mean", BcoBaseline::step_mean}};
}

/// -log sigmoid(r_c - d) - log sigmoid(d - r_r),  r = beta (policy - reference): a classifier of
/// single answers.
///
/// baseline = none: d = 0, as TRL's DPO trainer has it.  baseline = step_mean: d is the mean reward
/// of the chosen and the rejected answers of the whole optimizer step, without gradient (BCO's
/// reward shift, whose running mean this replaces); it couples the pairs of the step: gradient_path
/// retain or replay.
/// Source  Jung et al. 2024 (BCO, arXiv:2404.04656); TRL loss_type "bco_pair".
class BcoPair {
 public:
  struct Options {
    double beta = 0.1;
    BcoBaseline baseline = BcoBaseline::none;
    Normalise normalise = Normalise::none;
    double ld_alpha = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("baseline", &Options::baseline,
                "none, or step_mean: the mean reward of the optimizer step is subtracted."),
          normalise_field<Options>(), ld_alpha_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "bco_pair"; }
  static constexpr std::string_view description() {
    return "a classifier of each answer against the reference";
  }
  /// ConfigError for options that are not legal.
  explicit BcoPair(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<BcoPair> && Objective<BcoPair>);

}  // namespace lldm
