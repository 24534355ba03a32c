// SPDX-License-Identifier: MIT
// The path of noise that shows tokens, which full_trajectory and segmented share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/estimator/trajectory.hpp"

namespace lldm {

/// One path x_0 = text, x_1, ..., x_T of the scored positions.
struct StatePath {
  std::vector<double> alphas;        // [T + 1], [0] is 1; [T] the schedule's own, may be above 0
  std::vector<std::int64_t> states;  // [(T + 1) * R] token ids
  std::int64_t num_scored = 0;       // R

  [[nodiscard]] std::int64_t steps() const { return static_cast<std::int64_t>(alphas.size()) - 1; }
  [[nodiscard]] std::int64_t at(std::int64_t k, std::int64_t i) const {
    return states[static_cast<std::size_t>(k * num_scored + i)];
  }
};

/// Walks every scored position forward: kept with probability alpha_k / alpha_{k-1}, else noised.
/// Random  per step one uniform a position, then the noise's own draws.
StatePath draw_state_path(const Text& text, const AnyForwardProcess& process, std::int64_t steps,
                          TrajectoryGrid grid, Stream& draws);

/// Appends state x_k and the queries of the step back to x_{k-1}, every weight times `weight`, and
/// adds the step's -log q to the plan's and the replicate's constant.  Appends nothing where
/// nothing is redrawn between the two.
void append_reverse_step(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                         const StatePath& path, std::int64_t k, double weight,
                         std::int32_t replicate);

/// Adds `share` of -R KL(q(x_T | x_0) || prior).
void add_prior(ScorePlan& plan, const AnyForwardProcess& process, const StatePath& path,
               double share, std::int32_t replicate);

/// "uniform_elbo(T, grid)", "block_trajectory_elbo(T, grid, B, two_stream)" or
/// "trajectory_elbo(T, grid)", by the process.
std::string path_target(const AnyForwardProcess& process, std::int64_t steps, TrajectoryGrid grid);

}  // namespace lldm
