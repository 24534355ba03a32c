// SPDX-License-Identifier: MIT
// The noising path that full_trajectory and segmented share.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

/// Where the T steps of a path lie.
enum class TrajectoryGrid : std::uint8_t {
  uniform_time,   // t_k = k / T
  uniform_alpha,  // alpha(t_k) = 1 - k / T: every step reveals the same share
};
constexpr auto choices(std::type_identity<TrajectoryGrid>) {
  return std::array{Choice<TrajectoryGrid>{"uniform_time", TrajectoryGrid::uniform_time},
                    Choice<TrajectoryGrid>{"uniform_alpha", TrajectoryGrid::uniform_alpha}};
}

/// Which tokens of a noised state are scored.
enum class TrajectoryReveal : std::uint8_t {
  sampled,   // those that the path reveals in this step, weight 1
  expected,  // every masked one, weighed by its probability of being revealed in this step
};
constexpr auto choices(std::type_identity<TrajectoryReveal>) {
  return std::array{Choice<TrajectoryReveal>{"sampled", TrajectoryReveal::sampled},
                    Choice<TrajectoryReveal>{"expected", TrajectoryReveal::expected}};
}

std::string_view to_string(TrajectoryGrid grid);

/// alpha at the T + 1 grid points, closed to a whole path: [0] is 1 and [T] is 0.  Mass that the
/// schedule leaves unmasked at t = 1 is revealed in the first reverse step, mass it has masked at
/// t = 0 in the last (docs/definitions.md).
std::vector<double> trajectory_alphas(const AnyForwardProcess& process, std::int64_t steps,
                                      TrajectoryGrid grid);

/// One noising path y_0 = y, ..., y_T = all masked of one text.
struct Trajectory {
  std::vector<double> alphas;  // [T + 1]
  std::vector<std::int64_t>
      masked_since;  // [R] the step k in 1..T at which a position becomes masked

  [[nodiscard]] std::int64_t steps() const { return static_cast<std::int64_t>(alphas.size()) - 1; }
  /// Chance that a position masked at step k is revealed on the way to k - 1.
  [[nodiscard]] double reveal_probability(std::int64_t k) const;
};

/// Draws the step of every scored position independently: P(masked by step k) = 1 - alpha_k.
/// Random  one uniform per scored position of `draws`.
Trajectory draw_trajectory(const AnyForwardProcess& process, std::int64_t num_scored,
                           std::int64_t steps, TrajectoryGrid grid, Stream& draws);

/// Appends the state y_k of the path and its queries, every weight times `weight`.  Appends nothing
/// when no token is scored there.
void append_trajectory_state(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                             const Trajectory& path, std::int64_t k, TrajectoryReveal reveal,
                             double weight, std::int32_t replicate, Stream& noise);

}  // namespace lldm
