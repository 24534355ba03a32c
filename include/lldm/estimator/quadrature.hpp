// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/estimator/quadrature_rule.hpp"

namespace lldm {

/// Where the nodes of the time integral lie.
enum class QuadratureNodes : std::uint8_t { gauss_legendre, simpson };
constexpr auto choices(std::type_identity<QuadratureNodes>) {
  return std::array{Choice<QuadratureNodes>{"gauss_legendre", QuadratureNodes::gauss_legendre},
                    Choice<QuadratureNodes>{"simpson", QuadratureNodes::simpson}};
}

/// How many positions a node masks.
enum class NodeMask : std::uint8_t {
  bernoulli,      // every position with probability t
  rounded_count,  // exactly max(1, round(t R)) positions: the published form
};
constexpr auto choices(std::type_identity<NodeMask>) {
  return std::array{Choice<NodeMask>{"bernoulli", NodeMask::bernoulli},
                    Choice<NodeMask>{"rounded_count", NodeMask::rounded_count}};
}

/// The time integral of the bound by a quadrature rule, the masks at its nodes drawn:
///     S = sum_k omega_k / t_k sum_{i in M_k} log p(y_i | y without M_k, x),
/// t the share of masked positions (no schedule is read: the integral does not depend on one).
///
/// gauss_legendre, bernoulli: the expectation at t is a polynomial of degree R - 1, so N >= R / 2
///   nodes are unbiased for elbo; fewer have a bias that enumeration gives.
/// simpson: declared biased; its node at 0 is the limit there, one uniformly drawn position with
///   weight R omega_0.
/// rounded_count: declared biased (round(t R) is not t R on average over the polynomial).
/// Variance: the masks' alone; that of the time is gone.
/// Cost    N forward passes per text and replicate.
/// Source  Rojas et al. 2025 (GDPO, arXiv:2510.08554), semi-deterministic Monte Carlo.
class Quadrature {
 public:
  struct Options {
    std::int64_t nodes = 4;
    QuadratureNodes rule = QuadratureNodes::gauss_legendre;
    NodeMask mask = NodeMask::bernoulli;
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("nodes", &Options::nodes, "Nodes N of the time integral: forward passes per text.")
              .range(1, 256)
              .unit("nodes"),
          field("rule", &Options::rule, "gauss_legendre, or simpson (odd N, biased)."),
          field(
              "mask", &Options::mask,
              "bernoulli: every position with probability t; rounded_count: round(t R) positions, "
              "as published (biased)."),
          field("replicates", &Options::replicates, "Independent draws of all masks, averaged.")
              .range(1, 4096)};
    }
    /// Simpson takes an odd number of nodes from 3.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "quadrature"; }
  static constexpr std::string_view description() {
    return "Gauss-Legendre or Simpson nodes in time; unbiased for elbo from R / 2 Gauss nodes on";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {
        {{"target", "elbo"},
         {"unbiased",
          "yes with Gauss nodes, bernoulli masks and nodes >= R / 2; else biased by the rule's "
          "error"},
         {"forward passes", "nodes * replicates per text"},
         {"variance",
          "of the masks alone, the times are fixed; independent masks of different nodes add up"},
         {"source", "GDPO (arXiv:2510.08554)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit Quadrature(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const {
    return options_.nodes * options_.replicates;
  }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
  QuadratureRule rule_;
};
static_assert(Component<Quadrature> && ScoreEstimator<Quadrature>);

}  // namespace lldm
