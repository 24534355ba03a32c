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
#include "lldm/estimator/trajectory.hpp"

namespace lldm {

/// Whose tokens are visible in the states of a path.
enum class TrajectoryPath : std::uint8_t {
  noised,    // the text's own: policy and reference share the path
  denoised,  // the model's draws at the states before: an ablation, biased
};
constexpr auto choices(std::type_identity<TrajectoryPath>) {
  return std::array{Choice<TrajectoryPath>{"noised", TrajectoryPath::noised},
                    Choice<TrajectoryPath>{"denoised", TrajectoryPath::denoised}};
}

/// Scores every token once, at the step in which one noising path reveals it:
///     S = sum_t sum_{i revealed between t + 1 and t} log p(y_i | y_{t+1}, x)
/// whose expectation over paths is the T-step bound `trajectory_elbo(T, grid)`.
///
/// `path = "denoised"`: the visible tokens of a state are what the model itself drew (from its
/// softmax without the mask token) where the path revealed them; the text's tokens are only scored.
/// Policy and reference then walk different paths and nothing cancels between them; no bound of the
/// text is estimated (docs/decisions/0005-shared-forward-path.md).  One more forward pass per
/// state.
///
/// Over `uniform` noise: one path x_0 = y, x_1, ..., x_T, every scored position at every step,
///     S = sum_k sum_i log p(x_{k-1,i} | x_k, x) - log q(x_{k-1,i} | x_k,i, y_i) - R KL(prior),
/// target `uniform_elbo(T, grid)` (docs/decisions/0006-uniform-noise.md); `reveal`, `path` and the
/// reveal terms have no meaning there and are refused.  Over `block_masked`: every block walks its
/// own path, T copies of 2 L tokens.
/// Target  trajectory_elbo, unbiased (both reveals); biased on a denoised path.  T = R steps may
///         reveal two tokens in one step, so this is not the any-order average.
/// Cost    at most T forward passes per text and replicate; states that reveal nothing are skipped.
/// Random  one uniform per scored position and replicate.
/// Source  Austin et al. 2021 (D3PM), eq. (1), for absorbing noise; docs/definitions.md.
class FullTrajectory {
 public:
  struct Options {
    std::int64_t steps = 16;
    TrajectoryReveal reveal = TrajectoryReveal::sampled;
    TrajectoryGrid grid = TrajectoryGrid::uniform_time;
    TrajectoryPath path = TrajectoryPath::noised;
    bool include_reveal_terms = false;
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("steps", &Options::steps, "Steps T of the path: forward passes per text.")
              .range(1, 65536)
              .unit("steps"),
          field("reveal", &Options::reveal,
                "sampled: score the tokens the path reveals; expected: every masked token, weighed "
                "by "
                "its reveal probability (usually higher variance)."),
          field("grid", &Options::grid,
                "Where the steps lie: equal times or equal shares revealed."),
          field("path", &Options::path,
                "noised: the text's own noising path; denoised: states drawn by the model itself, "
                "an ablation (biased, one more forward pass per step)."),
          field("include_reveal_terms", &Options::include_reveal_terms,
                "Add each token's log reveal-step probability: the joint path log-probability."),
          field("replicates", &Options::replicates, "Independent paths, averaged.").range(1, 4096)};
    }
    /// A denoised path scores what it reveals.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "full_trajectory"; }
  static constexpr std::string_view description() {
    return "every token once, at the step where a noising path reveals it; unbiased for "
           "trajectory_elbo(steps)";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "trajectory_elbo(steps, grid); uniform_elbo for uniform noise"},
             {"unbiased", "yes; not on a denoised path"},
             {"forward passes", "steps * replicates, fewer where a step reveals nothing per text"},
             {"variance",
              "that of one path: every token counts once, so it is low; reveal = \"expected\" "
              "usually raises it"},
             {"source", "D3PM (arXiv:2107.03006), eq. (1)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit FullTrajectory(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  /// The same for the process in use.
  [[nodiscard]] Target target(std::int64_t scored, const AnyForwardProcess& process) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const {
    return options_.steps * options_.replicates;
  }
  [[nodiscard]] bool reads_schedule() const {
    return options_.grid == TrajectoryGrid::uniform_time;
  }

 private:
  void require_meaning(const AnyForwardProcess& process) const;
  [[nodiscard]] ScorePlan plan_states(const Text& text, const AnyForwardProcess& process,
                                      const TextDraws& draws) const;
  Options options_;
};
static_assert(Component<FullTrajectory> && ScoreEstimator<FullTrajectory>);

}  // namespace lldm
