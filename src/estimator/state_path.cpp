// SPDX-License-Identifier: MIT
#include "estimator/state_path.hpp"

#include "lldm/errors.hpp"

namespace lldm {
namespace {

void add_constant(ScorePlan& plan, double value, std::int32_t replicate) {
  plan.replicate_constants.resize(static_cast<std::size_t>(plan.num_replicates), 0.0);
  plan.replicate_constants[static_cast<std::size_t>(replicate)] += value;
  plan.constant += value;
}

}  // namespace

StatePath draw_state_path(const Text& text, const AnyForwardProcess& process, std::int64_t steps,
                          TrajectoryGrid grid, Stream& draws) {
  StatePath path{trajectory_alphas(process, steps, grid), {}, text.num_scored()};
  if (grid == TrajectoryGrid::uniform_time) path.alphas.back() = process.alpha(1.0);
  std::vector<std::int64_t> now(text.response.begin(), text.response.begin() + path.num_scored);
  path.states = now;
  for (std::size_t k = 1; k < path.alphas.size(); ++k) {
    const double before = path.alphas[k - 1];
    const double kept = before > 0.0 ? path.alphas[k] / before : 1.0;
    std::vector<std::int64_t> redrawn;
    for (std::int64_t i = 0; i < path.num_scored; ++i)
      if (draws.uniform() >= kept) redrawn.push_back(i);
    process.noise(now, redrawn, draws);
    path.states.insert(path.states.end(), now.begin(), now.end());
  }
  return path;
}

void append_reverse_step(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                         const StatePath& path, std::int64_t k, double weight,
                         std::int32_t replicate) {
  const std::int32_t slot = plan.asked++;
  const double alpha_s = path.alphas[static_cast<std::size_t>(k - 1)];
  const double alpha_t = path.alphas[static_cast<std::size_t>(k)];
  if (alpha_s == alpha_t) return;
  const auto copy = static_cast<std::int32_t>(plan.copies());
  const auto begin = static_cast<std::ptrdiff_t>(plan.tokens.size() + text.prompt.size());
  plan.tokens.insert(plan.tokens.end(), text.prompt.begin(), text.prompt.end());
  plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
  double log_posteriors = 0;
  for (std::int64_t i = 0; i < path.num_scored; ++i) {
    const std::int64_t x_0 = path.at(0, i), x_s = path.at(k - 1, i), x_t = path.at(k, i);
    const ReverseStep step = process.reverse_step(alpha_s, alpha_t, x_s, x_t, x_0);
    plan.tokens[static_cast<std::size_t>(begin + i)] = x_t;
    plan.queries.push_back({.copy = copy,
                            .position = static_cast<std::int32_t>(plan.num_prompt + i),
                            .target = x_s,
                            .weight = weight});
    plan.posteriors.push_back(step.readout);
    log_posteriors += step.log_posterior;
    if (x_t != x_0) ++plan.noised;
  }
  add_constant(plan, -weight * log_posteriors, replicate);
  plan.replicate.push_back(replicate);
  plan.slot.push_back(slot);
}

void add_prior(ScorePlan& plan, const AnyForwardProcess& process, const StatePath& path,
               double share, std::int32_t replicate) {
  add_constant(
      plan,
      -share * static_cast<double>(path.num_scored) * process.prior_divergence(path.alphas.back()),
      replicate);
}

std::string path_target(const AnyForwardProcess& process, std::int64_t steps, TrajectoryGrid grid) {
  if (process.has_posterior()) return message("uniform_elbo(", steps, ", ", to_string(grid), ")");
  if (process.block_size() > 0)
    return message("block_trajectory_elbo(", process.block_size(), ", ", steps, ", ",
                   to_string(grid), ", two_stream)");
  return message("trajectory_elbo(", steps, ", ", to_string(grid), ")");
}

}  // namespace lldm
