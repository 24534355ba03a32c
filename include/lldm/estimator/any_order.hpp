// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// The tokens revealed one by one in a random order:
///     S = sum_k log p(y_{o_k} | y_{o_1}, ..., y_{o_{k-1}}, x),   o uniform over all R! orders.
///
/// Target  elbo, unbiased.  Variance: that of one order; scores of different orders differ little
///         in a well-trained model, so it is low, at the price of R passes.
/// Cost    R forward passes per text and replicate.
/// Random  one Fisher-Yates shuffle per replicate.
/// Source  Uria et al. 2014 (orderless NADE); Shi et al. 2024 (the bound is the any-order average).
class AnyOrder {
 public:
  struct Options {
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{field("replicates", &Options::replicates, "Independent orders, averaged.")
                            .range(1, 4096)};
    }
  };
  static constexpr std::string_view name() { return "any_order"; }
  static constexpr std::string_view description() {
    return "one token at a time in a random order, R forward passes; unbiased for elbo";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "elbo"},
             {"unbiased", "yes"},
             {"forward passes", "R * replicates per text"},
             {"variance",
              "that of one order; low where a trained model agrees with itself over orders"},
             {"source", "orderless NADE (Uria et al. 2014)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit AnyOrder(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const { return {"elbo", true}; }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return scored * options_.replicates;
  }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<AnyOrder> && ScoreEstimator<AnyOrder>);

}  // namespace lldm
