// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// The loss of CPO's margin, under TRL's names.
enum class CpoLoss : std::uint8_t { sigmoid, hinge, ipo };
constexpr auto choices(std::type_identity<CpoLoss>) {
  return std::array{Choice<CpoLoss>{"sigmoid", CpoLoss::sigmoid},
                    Choice<CpoLoss>{"hinge", CpoLoss::hinge}, Choice<CpoLoss>{"ipo", CpoLoss::ipo}};
}

/// A preference loss without a reference, m = S_chosen - S_rejected:
///     sigmoid:  -(1 - eps) log sigmoid(beta m) - eps log sigmoid(-beta m);
///     hinge:    max(0, 1 - beta m);
///     ipo:      (m - 1 / (2 beta))^2, whose m is per token in TRL: normalize = "response_length";
/// plus sft_weight times minus the chosen answer's score per token, which keeps it likely.
///
/// Nothing holds a reference model.  Nothing cancels either: the margin carries the whole variance
/// of the two scores, and of a bound it compares gaps too, so it is a surrogate of CPO.
/// Source  Xu et al. 2024 (CPO, arXiv:2401.08417); TRL's CPOTrainer (its loss_type "simpo" is
///         `simpo` here, its cpo_alpha is sft_weight).
class Cpo {
 public:
  struct Options {
    double beta = 0.1;
    CpoLoss loss = CpoLoss::sigmoid;
    double label_smoothing = 0.0;
    Normalize normalize = Normalize::none;
    double sft_weight = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Factor of the margin; ipo: the target is 1 / (2 beta).")
              .above(0.0)
              .unit("1/nat"),
          field("loss", &Options::loss, "sigmoid, hinge or ipo."),
          field("label_smoothing", &Options::label_smoothing,
                "loss = \"sigmoid\": smoothing eps of the label.")
              .at_least(0.0)
              .below(0.5),
          normalize_field<Options>(),
          field("sft_weight", &Options::sft_weight,
                "Weight of minus the chosen answer's score per token.")
              .at_least(0.0)};
    }
    /// Only the sigmoid smooths its label.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "cpo"; }
  static constexpr std::string_view description() {
    return "a preference loss of the scores themselves, without a reference, plus sft on the "
           "chosen";
  }
  /// ConfigError for options that are not legal.
  explicit Cpo(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Cpo> && Objective<Cpo>);

}  // namespace lldm
