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
#include "lldm/config/options_check.hpp"
#include "lldm/estimator/trajectory.hpp"

namespace lldm {

/// Which quantity is enumerated.
enum class ExactTarget : std::uint8_t { elbo, elbo_truncated, trajectory_elbo, block_elbo, eubo };
constexpr auto choices(std::type_identity<ExactTarget>) {
  return std::array{Choice<ExactTarget>{"elbo", ExactTarget::elbo},
                    Choice<ExactTarget>{"elbo_truncated", ExactTarget::elbo_truncated},
                    Choice<ExactTarget>{"trajectory_elbo", ExactTarget::trajectory_elbo},
                    Choice<ExactTarget>{"block_elbo", ExactTarget::block_elbo},
                    Choice<ExactTarget>{"eubo", ExactTarget::eubo}};
}

/// A target itself, without noise, from all 2^R - 1 subsets of masked positions.
///
/// The weight of a query depends on the size l of its subset alone:
///   elbo             1 / (l C(R, l))
///   elbo_truncated   1 / (1 - eps) times the integral of (1 - a)^(l-1) a^(R-l) over a = alpha,
///                    from alpha(1) to alpha(eps)
///   trajectory_elbo  sum_k (1 - a_k)^(l-1) a_k^(R-l) (a_{k-1} - a_k) over the T steps of the grid
///   block_elbo       1 / (l C(R_b, l)) for l masked positions of a block of R_b tokens, the blocks
///                    behind it masked whole and not asked; blocks of one token: left_to_right
///   eubo             1 / (l C(R, l)) inside the logarithm of each position's power mean
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
    std::int64_t block_length = 8;
    double sharpness = 1.0;
    static constexpr auto describe() {
      return std::tuple{
          field("target", &Options::target,
                "elbo, elbo_truncated, trajectory_elbo, block_elbo or eubo."),
          field("time_min", &Options::time_min, "elbo_truncated: smallest time.").between(0.0, 1.0),
          field("steps", &Options::steps, "trajectory_elbo: steps T.")
              .range(1, 65536)
              .unit("steps"),
          field("grid", &Options::grid, "trajectory_elbo: as for full_trajectory."),
          field("block_length", &Options::block_length, "block_elbo: tokens of a block.")
              .range(1, 65536)
              .unit("tokens"),
          field("sharpness", &Options::sharpness, "eubo: power of the mean over masks.")
              .above(0.0)};
    }
    /// Keys of another target are told.
    void check(config::OptionsCheck& check) const;
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
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const;
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
