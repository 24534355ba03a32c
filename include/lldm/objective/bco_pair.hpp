// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"

namespace lldm {

/// -log sigmoid(r_c) - log sigmoid(-r_r),  r = beta (policy - reference): a classifier of single
/// answers.  As TRL's DPO trainer has it, without the running mean that BCO subtracts.
/// Source  Jung et al. 2024 (BCO, arXiv:2404.04656); TRL loss_type "bco_pair".
class BcoPair {
 public:
  struct Options {
    double beta = 0.1;
    static constexpr auto describe() {
      return std::tuple{field("beta", &Options::beta, "Strength of the pull to the reference.")
                            .above(0.0)
                            .unit("1/nat")};
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
