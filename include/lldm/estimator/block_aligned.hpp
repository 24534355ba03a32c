// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// Noise as the semi-autoregressive samplers meet it: blocks of the answer from left to right,
/// those before clean, those behind wholly masked, and inside the block a random count of masks:
///     S = sum_b (1/n) sum_j (B_b / l) sum_{i in M} log p(y_i | y without M and all behind b, x),
/// l ~ U{1..B_b}, |M| = l, B_b the positions of block b (the last may be shorter).
///
/// Target  block_elbo(block_length), unbiased: each block's bound given what is before it.  One
///         block is elbo, blocks of one token are left_to_right.
/// Cost    ceil(R / block_length) * draws forward passes per text.
/// Source  Wang et al. 2025 (SPG, arXiv:2510.09541), block-wise masking.
class BlockAligned {
 public:
  struct Options {
    std::int64_t block_length = 32;
    std::int64_t draws = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("block_length", &Options::block_length, "Tokens of a block, as the sampler's.")
              .range(1, 65536)
              .unit("tokens"),
          field("draws", &Options::draws, "Noised copies of every block.").range(1, 4096)};
    }
  };
  static constexpr std::string_view name() { return "block_aligned"; }
  static constexpr std::string_view description() {
    return "block by block, earlier ones clean and later ones masked; unbiased for block_elbo";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "block_elbo(block_length)"},
             {"unbiased", "yes"},
             {"forward passes", "ceil(R / block_length) * draws per text"},
             {"variance", "falls as 1 / draws; blocks draw independently and add up"},
             {"source", "SPG (arXiv:2510.09541), block-wise masks"}}};
  }
  /// ConfigError for options that are not legal.
  explicit BlockAligned(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return (scored + options_.block_length - 1) / options_.block_length * options_.draws;
  }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<BlockAligned> && ScoreEstimator<BlockAligned>);

}  // namespace lldm
