// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"

namespace lldm {

/// -sum_b S_b / sum_b L_b over the optimizer step: LLaDA's pretraining loss when S is
/// monte_carlo_elbo(count = bernoulli, draws = 1), that is the sum of CE / p_mask over masked
/// tokens divided by the number of tokens.
///
/// Source  LLaDA GUIDELINES.md, pre-training; eq. (3) of arXiv:2502.09992.
class Pretraining {
 public:
  struct Options {
    bool llada_parity = false;
    static constexpr auto describe() {
      return std::tuple{field(
          "llada_parity", &Options::llada_parity,
          "As LLaDA's code: the mean over micro-batches of each one's own mean, and one random "
          "length for a whole batch; off, micro-batching changes nothing.")};
    }
  };
  static constexpr std::string_view name() { return "pretraining"; }
  static constexpr std::string_view description() {
    return "minus the score per token, over all tokens of the optimizer step";
  }
  explicit Pretraining(const Options& options) : options_(options) {}

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Pretraining> && Objective<Pretraining>);

}  // namespace lldm
