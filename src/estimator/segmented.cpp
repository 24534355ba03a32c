// SPDX-License-Identifier: MIT
#include "lldm/estimator/segmented.hpp"

#include <algorithm>

#include "estimator/plan_builder.hpp"
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
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  const std::int64_t base = options_.steps / options_.segments;
  const std::int64_t longer = options_.steps % options_.segments;
  const std::int64_t drawn = options_.steps_per_segment;
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    Stream picks = draws.stream(stream_key(r, 1));
    const Trajectory path =
        draw_trajectory(process, plan.num_scored, options_.steps, options_.grid, stream);
    std::int64_t top = options_.steps;  // the next segment's noisiest state
    for (std::int64_t segment = 0; segment < options_.segments; ++segment) {
      const std::int64_t size = base + (segment < longer ? 1 : 0);
      const double weight =
          static_cast<double>(size) / static_cast<double>(drawn * options_.replicates);
      for (const std::int64_t below : picks.subset(size, drawn))
        append_trajectory_state(plan, text, process, path, top - below, options_.reveal, weight,
                                static_cast<std::int32_t>(r), stream);
      top -= size;
    }
  }
  return plan;
}

Target Segmented::target(std::int64_t) const {
  return {message("trajectory_elbo(", options_.steps, ", ", to_string(options_.grid), ")"), true};
}

}  // namespace lldm
