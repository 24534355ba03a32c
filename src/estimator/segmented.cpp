// SPDX-License-Identifier: MIT
#include "lldm/estimator/segmented.hpp"

#include <algorithm>

#include "estimator/plan_builder.hpp"
#include "estimator/state_path.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

void Segmented::Options::check(config::OptionsCheck& check) const {
  if (segments > steps) {
    check.error("segments", message("segments = ", segments, " is more than steps = ", steps),
                message("legal: 1 to ", steps));
    return;
  }
  if (const std::int64_t most = steps / segments; steps_per_segment > most)
    check.error(
        "steps_per_segment",
        message("steps_per_segment = ", steps_per_segment, " is more than the shortest segment"),
        message("legal: 1 to ", most, " (floor of steps / segments)"));
}

Segmented::Segmented(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] segmented");
}

ScorePlan Segmented::plan(const Text& text, const AnyForwardProcess& process,
                          const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process, {.posterior = true, .blocks = true});
  if (process.has_posterior() && options_.reveal == TrajectoryReveal::expected)
    throw ConfigError(
        "score estimator \"segmented\" over noise that shows tokens\n  reveal = \"expected\": "
        "every "
        "position is scored at every step; legal: reveal = \"sampled\"");
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  for (std::int32_t r = 0; r < plan.num_replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    Stream picks = draws.stream(stream_key(r, 1));
    if (process.has_posterior()) {
      const StatePath path = draw_state_path(text, process, options_.steps, options_.grid, stream);
      for (const auto& [k, weight] : draw_steps(picks))
        append_reverse_step(plan, text, process, path, k, weight, r);
      add_prior(plan, process, path, 1.0 / static_cast<double>(options_.replicates), r);
      continue;
    }
    const Trajectory path =
        draw_trajectory(process, plan.num_scored, options_.steps, options_.grid, stream);
    for (const auto& [k, weight] : draw_steps(picks))
      append_trajectory_state(plan, text, process, path, k, options_.reveal, weight, r, stream);
  }
  return plan;
}

std::vector<Segmented::DrawnStep> Segmented::draw_steps(Stream& picks) const {
  const std::int64_t base = options_.steps / options_.segments;
  const std::int64_t longer = options_.steps % options_.segments;
  const std::int64_t drawn = options_.steps_per_segment;
  std::vector<DrawnStep> steps;
  std::int64_t top = options_.steps;  // the next segment's noisiest state
  for (std::int64_t segment = 0; segment < options_.segments; ++segment) {
    const std::int64_t size = base + (segment < longer ? 1 : 0);
    const double weight =
        static_cast<double>(size) / static_cast<double>(drawn * options_.replicates);
    for (const std::int64_t below : picks.subset(size, drawn))
      steps.push_back({top - below, weight});
    top -= size;
  }
  return steps;
}

Target Segmented::target(std::int64_t) const {
  return {message("trajectory_elbo(", options_.steps, ", ", to_string(options_.grid), ")"), true};
}

Target Segmented::target(std::int64_t, const AnyForwardProcess& process) const {
  return {path_target(process, options_.steps, options_.grid), true};
}

}  // namespace lldm
