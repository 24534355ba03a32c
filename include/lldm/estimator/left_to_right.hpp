// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// The chain rule from left to right: S = sum_i log p(y_i | y_1, ..., y_{i-1}, x), everything from
/// position i on masked.
///
/// Target  left_to_right, exactly: nothing is drawn.  It is log p(y) of one order, not a bound
///         averaged over orders, and differs from elbo as far as the model prefers some orders.
/// Cost    R forward passes per text.
/// Source  JustGRPO (arXiv:2601.15165) scores this order.
class LeftToRight {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "left_to_right"; }
  static constexpr std::string_view description() {
    return "the chain rule from left to right, R forward passes; exact for left_to_right";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "left_to_right"},
             {"unbiased", "yes: exactly"},
             {"forward passes", "R per text"},
             {"variance", "none: nothing is drawn"},
             {"source", "JustGRPO (arXiv:2601.15165)"}}};
  }
  explicit LeftToRight(const Options&) {}

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const { return {"left_to_right", true}; }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const { return scored; }
  [[nodiscard]] bool reads_schedule() const { return false; }
};
static_assert(Component<LeftToRight> && ScoreEstimator<LeftToRight>);

}  // namespace lldm
