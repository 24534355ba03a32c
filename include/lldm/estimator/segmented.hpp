// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/estimator/trajectory.hpp"

namespace lldm {

/// The T steps of one noising path cut into K contiguous segments; a few steps of each stand for
/// all.
///
/// Segments differ by at most one step, longer ones first (from t = 1 downwards); of the n_k steps
/// of segment k, m are drawn without replacement and weigh n_k / m each.  Over `uniform` and
/// `block_masked` noise as full_trajectory, of which it drops steps.
///
/// Target  trajectory_elbo(T, grid), unbiased.  With K dividing T, m = T / K is the full path bit
///         for bit, and so is K = T.
/// Cost    at most K m forward passes per text and replicate.
/// Random  the path as full_trajectory draws it (same stream, same path), then the steps.
/// Source  docs/definitions.md; TraceRL's trajectory shrink (arXiv:2509.06949) is the related idea.
class Segmented {
 public:
  struct Options {
    std::int64_t steps = 16;
    std::int64_t segments = 4;
    std::int64_t steps_per_segment = 1;
    TrajectoryReveal reveal = TrajectoryReveal::sampled;
    TrajectoryGrid grid = TrajectoryGrid::uniform_time;
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{
          field("steps", &Options::steps, "Steps T of the path.").range(1, 65536).unit("steps"),
          field("segments", &Options::segments, "Contiguous segments K of the path, K <= steps.")
              .range(1, 65536),
          field("steps_per_segment", &Options::steps_per_segment,
                "Steps m evaluated in each segment, m <= floor(steps / segments).")
              .range(1, 65536)
              .unit("steps"),
          field("reveal", &Options::reveal, "As for full_trajectory."),
          field("grid", &Options::grid, "As for full_trajectory."),
          field("replicates", &Options::replicates, "Independent paths, averaged.").range(1, 4096)};
    }
    /// K <= T and m <= floor(T / K).
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "segmented"; }
  static constexpr std::string_view description() {
    return "a few steps of each segment of a noising path; unbiased for trajectory_elbo(steps)";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "trajectory_elbo(steps, grid); uniform_elbo for uniform noise"},
             {"unbiased", "yes"},
             {"forward passes", "segments * steps_per_segment * replicates per text"},
             {"variance",
              "that of full_trajectory plus the sampling of steps within segments; none of it at "
              "steps_per_segment = steps / segments"},
             {"source", "the design's own; related to TraceRL's shrink (arXiv:2509.06949)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit Segmented(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const;
  /// The same for the process in use.
  [[nodiscard]] Target target(std::int64_t scored, const AnyForwardProcess& process) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const {
    return options_.segments * options_.steps_per_segment * options_.replicates;
  }
  [[nodiscard]] bool reads_schedule() const {
    return options_.grid == TrajectoryGrid::uniform_time;
  }

 private:
  struct DrawnStep {
    std::int64_t k;
    double weight;
  };
  /// The steps of one path that are evaluated, noisiest first.
  [[nodiscard]] std::vector<DrawnStep> draw_steps(Stream& picks) const;
  Options options_;
};
static_assert(Component<Segmented> && ScoreEstimator<Segmented>);

}  // namespace lldm
