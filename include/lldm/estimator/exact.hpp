// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/estimator/trajectory.hpp"

namespace lldm {

/// Which quantity is enumerated.
enum class ExactTarget : std::uint8_t { elbo, elbo_truncated, trajectory_elbo };
constexpr auto choices(std::type_identity<ExactTarget>) {
  return std::array{Choice<ExactTarget>{"elbo", ExactTarget::elbo},
                    Choice<ExactTarget>{"elbo_truncated", ExactTarget::elbo_truncated},
                    Choice<ExactTarget>{"trajectory_elbo", ExactTarget::trajectory_elbo}};
}

/// A target itself, without noise, from all 2^R - 1 subsets of masked positions.
///
/// The weight of a query depends on the size l of its subset alone:
///   elbo             1 / (l C(R, l))
///   elbo_truncated   1 / (1 - eps) times the integral of (1 - a)^(l-1) a^(R-l) over a = alpha,
///                    from alpha(1) to alpha(eps)
///   trajectory_elbo  sum_k (1 - a_k)^(l-1) a_k^(R-l) (a_{k-1} - a_k) over the T steps of the grid
/// Target  the named one, exactly.
/// Cost    2^R - 1 forward passes per text; R above 12 is a DataError that says so.
class Exact {
 public:
  static constexpr std::int64_t kMostScored = 12;
  struct Options {
    ExactTarget target = ExactTarget::elbo;
    double time_min = 1e-3;
    std::int64_t steps = 16;
    TrajectoryGrid grid = TrajectoryGrid::uniform_time;
    static constexpr auto describe() {
      return std::tuple{
          field("target", &Options::target, "elbo, elbo_truncated or trajectory_elbo."),
          field("time_min", &Options::time_min, "elbo_truncated: smallest time.").between(0.0, 1.0),
          field("steps", &Options::steps, "trajectory_elbo: steps T.")
              .range(1, 65536)
              .unit("steps"),
          field("grid", &Options::grid, "trajectory_elbo: as for full_trajectory.")};
    }
  };
  static constexpr std::string_view name() { return "exact"; }
  static constexpr std::string_view description() {
    return "a target by enumeration of all masks, 2^R - 1 forward passes, R <= 12";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "the one that the key target names"},
             {"unbiased", "yes: exactly"},
             {"forward passes", "2^R - 1, R at most 12 per text"},
             {"variance", "none: everything is enumerated"},
             {"source", "reference for tests and studies"}}};
  }
  /// ConfigError for options that are not legal.
  explicit Exact(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const;
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return (std::int64_t{1} << std::min(scored, kMostScored)) - 1;
  }
  [[nodiscard]] bool reads_schedule() const {
    return options_.target == ExactTarget::elbo_truncated ||
           (options_.target == ExactTarget::trajectory_elbo &&
            options_.grid == TrajectoryGrid::uniform_time);
  }

 private:
  Options options_;
};
static_assert(Component<Exact> && ScoreEstimator<Exact>);

}  // namespace lldm
