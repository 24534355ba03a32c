// SPDX-License-Identifier: MIT
#include "lldm/estimator/full_trajectory.hpp"

#include <cmath>

#include "estimator/plan_builder.hpp"
#include "estimator/state_path.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// log P(a token is revealed in the step it is revealed in), summed over the tokens of one path;
/// its expectation when the tokens of every state are weighed instead.
double reveal_terms(const Trajectory& path, TrajectoryReveal reveal) {
  const auto step_mass = [&](std::int64_t k) {
    return path.alphas[static_cast<std::size_t>(k - 1)] - path.alphas[static_cast<std::size_t>(k)];
  };
  double sum = 0;
  if (reveal == TrajectoryReveal::sampled) {
    for (const std::int64_t k : path.masked_since) sum += std::log(step_mass(k));
    return sum;
  }
  for (std::int64_t k = 1; k <= path.steps(); ++k)
    if (const double mass = step_mass(k); mass > 0) sum += mass * std::log(mass);
  return sum * static_cast<double>(path.masked_since.size());
}

}  // namespace

void FullTrajectory::Options::check(config::OptionsCheck& check) const {
  if (path == TrajectoryPath::denoised && reveal == TrajectoryReveal::expected)
    check.error("path",
                "path = \"denoised\" has no expected reveal: a state follows from what was "
                "revealed before",
                "legal with path = \"denoised\": reveal = \"sampled\"");
}

FullTrajectory::FullTrajectory(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] full_trajectory");
}

void FullTrajectory::require_meaning(const AnyForwardProcess& process) const {
  const bool shows_tokens = !process.is_absorbing();
  std::string wrong;
  const auto refuse = [&wrong](const char* key, const char* reason) {
    wrong += message("\n  ", key, ": ", reason);
  };
  if (shows_tokens && options_.reveal == TrajectoryReveal::expected)
    refuse("reveal = \"expected\"",
           "every position is scored at every step; legal: reveal = \"sampled\"");
  if (shows_tokens && options_.include_reveal_terms)
    refuse("include_reveal_terms = true",
           "no token is revealed in a step of its own; legal: include_reveal_terms = false");
  if ((shows_tokens || process.block_size() > 0) && options_.path == TrajectoryPath::denoised)
    refuse("path = \"denoised\"",
           "only for masks over the whole response; legal: path = \"noised\"");
  if (!wrong.empty())
    throw ConfigError(message("score estimator \"full_trajectory\" over ",
                              shows_tokens ? "noise that shows tokens" : "noise of blocks", wrong));
}

ScorePlan FullTrajectory::plan_states(const Text& text, const AnyForwardProcess& process,
                                      const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process, {.posterior = true, .blocks = true});
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  const double share = 1.0 / static_cast<double>(options_.replicates);
  for (std::int32_t r = 0; r < plan.num_replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    const StatePath path = draw_state_path(text, process, options_.steps, options_.grid, stream);
    for (std::int64_t k = options_.steps; k >= 1; --k)
      append_reverse_step(plan, text, process, path, k, share, r);
    add_prior(plan, process, path, share, r);
  }
  return plan;
}

ScorePlan FullTrajectory::plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
  require_meaning(process);
  if (process.has_posterior()) return plan_states(text, process, draws);
  ScorePlan plan = start_plan(name(), text, process, {.posterior = true, .blocks = true});
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  const double share = 1.0 / static_cast<double>(options_.replicates);
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    const Trajectory path =
        draw_trajectory(process, plan.num_scored, options_.steps, options_.grid, stream);
    for (std::int64_t k = options_.steps; k >= 1; --k)
      append_trajectory_state(plan, text, process, path, k, options_.reveal, share,
                              static_cast<std::int32_t>(r), stream);
    if (options_.path == TrajectoryPath::denoised) {
      Stream walk = draws.stream(stream_key(r, 2));
      while (plan.path_uniforms.size() < plan.queries.size())
        plan.path_uniforms.push_back(walk.uniform());
    }
    if (options_.include_reveal_terms) {
      plan.replicate_constants.push_back(share * reveal_terms(path, options_.reveal));
      plan.constant += plan.replicate_constants.back();
    }
  }
  return plan;
}

Target FullTrajectory::target(std::int64_t) const {
  return {message("trajectory_elbo(", options_.steps, ", ", to_string(options_.grid), ")",
                  options_.include_reveal_terms ? " + reveal terms" : ""),
          options_.path == TrajectoryPath::noised};
}

Target FullTrajectory::target(std::int64_t, const AnyForwardProcess& process) const {
  return {path_target(process, options_.steps, options_.grid) +
              (options_.include_reveal_terms ? " + reveal terms" : ""),
          options_.path == TrajectoryPath::noised};
}

}  // namespace lldm
