// SPDX-License-Identifier: MIT
#include "lldm/estimator/trajectory.hpp"

#include <algorithm>

#include "estimator/plan_builder.hpp"
#include "lldm/errors.hpp"

namespace lldm {

std::string_view to_string(TrajectoryGrid grid) {
  return grid == TrajectoryGrid::uniform_time ? "uniform_time" : "uniform_alpha";
}

std::vector<double> trajectory_alphas(const AnyForwardProcess& process, std::int64_t steps,
                                      TrajectoryGrid grid) {
  std::vector<double> alphas(static_cast<std::size_t>(steps) + 1);
  for (std::int64_t k = 0; k <= steps; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(steps);
    alphas[static_cast<std::size_t>(k)] =
        grid == TrajectoryGrid::uniform_alpha ? 1.0 - share : process.alpha(share);
  }
  alphas.front() = 1.0;
  alphas.back() = 0.0;
  return alphas;
}

double Trajectory::reveal_probability(std::int64_t k) const {
  const double here = alphas[static_cast<std::size_t>(k)];
  const double before = alphas[static_cast<std::size_t>(k - 1)];
  return here < 1.0 ? (before - here) / (1.0 - here) : 0.0;
}

Trajectory draw_trajectory(const AnyForwardProcess& process, std::int64_t num_scored,
                           std::int64_t steps, TrajectoryGrid grid, Stream& draws) {
  Trajectory path{trajectory_alphas(process, steps, grid), {}};
  path.masked_since.reserve(static_cast<std::size_t>(num_scored));
  for (std::int64_t i = 0; i < num_scored; ++i) {
    const double u = draws.uniform();
    // The first k with u < 1 - alpha_k; alpha_T = 0 ends the search.
    const auto masked = std::partition_point(path.alphas.begin() + 1, path.alphas.end(),
                                             [u](double alpha) { return u >= 1.0 - alpha; });
    path.masked_since.push_back(masked - path.alphas.begin());
  }
  return path;
}

void append_trajectory_state(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                             const Trajectory& path, std::int64_t k, TrajectoryReveal reveal,
                             double weight, std::int32_t replicate, Stream& noise) {
  // A step in which nothing can be revealed asks nothing.
  if (path.reveal_probability(k) <= 0.0) {
    ++plan.asked;
    return;
  }
  std::vector<std::int64_t> masked, scored;
  const auto num_scored = static_cast<std::int64_t>(path.masked_since.size());
  for (std::int64_t i = 0; i < num_scored; ++i) {
    const std::int64_t since = path.masked_since[static_cast<std::size_t>(i)];
    if (since <= k) masked.push_back(i);
    if (reveal == TrajectoryReveal::expected ? since <= k : since == k) scored.push_back(i);
  }
  const double each =
      reveal == TrajectoryReveal::expected ? weight * path.reveal_probability(k) : weight;
  append_copy(plan, text, process, masked, scored, each, replicate, noise);
}

}  // namespace lldm
