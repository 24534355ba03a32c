// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"

namespace lldm {

/// -(1 / rows) sum_b S_b / R_b, R_b the scored length with its end-of-text padding: LLaDA's SFT
/// loss.  The prompt is context and never noised.
///
/// Source  LLaDA GUIDELINES.md, SFT; eq. (5) of arXiv:2502.09992.
class Sft {
 public:
  struct Options {
    bool llada_parity = false;
    static constexpr auto describe() {
      return std::tuple{
          field("llada_parity", &Options::llada_parity,
                "As LLaDA's code: the mean over micro-batches of each one's own mean.")};
    }
  };
  static constexpr std::string_view name() { return "sft"; }
  static constexpr std::string_view description() {
    return "minus the score per answer token, averaged over rows";
  }
  explicit Sft(const Options& options) : options_(options) {}

  [[nodiscard]] ObjectiveNeeds needs() const;
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  Options options_;
};
static_assert(Component<Sft> && Objective<Sft>);

}  // namespace lldm
