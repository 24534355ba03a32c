// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

/// Minus the log-likelihood of a ranking y_1 > y_2 > ... > y_G under Plackett and Luce's model,
///     -sum_{i < G} [ r_i - log sum_{j >= i} exp(r_j) ],   r = beta (policy - reference):
/// the best answer wins against all, the second against the rest, and so on.  G = 2 is dpo, bit for
/// bit.  Rows are { prompt, answers = [best, ..., worst] }.
/// rewards/chosen is the best answer's, rewards/rejected the worst one's; rewards/accuracies the
/// share of the answers' pairs that are in order.
/// Source  Plackett 1975; Rafailov et al. 2023 (DPO, arXiv:2305.18290), appendix A.3, eq. (20).
class Listwise {
 public:
  struct Options {
    double beta = 0.1;
    std::int64_t answers = 4;
    Normalize normalize = Normalize::none;
    static constexpr auto describe() {
      return std::tuple{
          field("beta", &Options::beta, "Strength of the pull to the reference.")
              .above(0.0)
              .unit("1/nat"),
          field("answers", &Options::answers, "Ranked answers to a prompt, G.").range(2, 64),
          normalize_field<Options>()};
    }
  };
  static constexpr std::string_view name() { return "listwise"; }
  static constexpr std::string_view description() {
    return "the likelihood of a whole ranking of G answers (Plackett-Luce); G = 2 is dpo";
  }
  /// ConfigError for options that are not legal.
  explicit Listwise(const Options& options);

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Listwise> && Objective<Listwise>);

}  // namespace lldm
