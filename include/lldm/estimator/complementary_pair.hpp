// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// Whose weights a complementary pair has.
enum class PairWeights : std::uint8_t {
  espo,          // exact counts, unbiased
  coupled_grpo,  // Bernoulli masks and a fully masked copy, biased
};
constexpr auto choices(std::type_identity<PairWeights>) {
  return std::array{Choice<PairWeights>{"espo", PairWeights::espo},
                    Choice<PairWeights>{"coupled_grpo", PairWeights::coupled_grpo}};
}

/// A mask and its complement, so that every token is scored once per pair.
///
/// espo:         k ~ U{0..R}, |M| = k; weight (R + 1) / 2k on M and (R + 1) / 2(R - k) on the rest.
///               Target elbo, unbiased: M and its complement are both uniform in size and place.
/// coupled_grpo: r ~ U(0.2, 0.8), every position in M with probability r;
///               1/2 [log p_full + log p_M / r on M, log p_rest / (1 - r) on the rest].
///               Declared biased for elbo: the fully masked copy counts one half, and r stays away
///               from the ends.
/// Cost    2 (espo) or 3 (coupled_grpo) forward passes per text and pair; a side without positions
///         is skipped.
/// Source  Ou et al. 2025 (ESPO, arXiv:2512.03759); Gong et al. 2025 (DiffuCoder,
///         arXiv:2506.20639).
class ComplementaryPair {
 public:
  struct Options {
    std::int64_t pairs = 2;
    PairWeights weights = PairWeights::espo;
    static constexpr auto describe() {
      return std::tuple{
          field("pairs", &Options::pairs, "Independent pairs, averaged.").range(1, 4096),
          field("weights", &Options::weights,
                "espo: unbiased; coupled_grpo: DiffuCoder's weights, biased, for comparison.")};
    }
  };
  static constexpr std::string_view name() { return "complementary_pair"; }
  static constexpr std::string_view description() {
    return "a mask and its complement, every token once; unbiased for elbo with the weights of "
           "ESPO";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {
        {{"target", "elbo"},
         {"unbiased", "yes with weights = \"espo\"; no with \"coupled_grpo\""},
         {"forward passes", "2 * pairs (espo), 3 * pairs (coupled_grpo) per text"},
         {"variance",
          "falls as 1 / pairs; the two masks of a pair are negatively related in what they hide"},
         {"source", "ESPO (arXiv:2512.03759); DiffuCoder (arXiv:2506.20639)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit ComplementaryPair(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const {
    return {"elbo", options_.weights == PairWeights::espo};
  }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const {
    return options_.pairs * (options_.weights == PairWeights::espo ? 2 : 3);
  }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<ComplementaryPair> && ScoreEstimator<ComplementaryPair>);

}  // namespace lldm
