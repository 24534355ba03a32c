// SPDX-License-Identifier: MIT
#include "lldm/estimator/recorded_trajectory.hpp"

#include <algorithm>
#include <map>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

RecordedTrajectory::RecordedTrajectory(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] recorded_trajectory");
}

ScorePlan RecordedTrajectory::plan(const Text& text, const AnyForwardProcess& process,
                                   const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  if (text.reveal_step.size() != text.response.size())
    throw DataError(message(
        "score estimator \"recorded_trajectory\": the text has ", text.reveal_step.size(),
        " recorded steps for ", text.response.size(), " response tokens\n  ",
        text.reveal_step.empty()
            ? "orders come from a synthesize stage with record_steps = true, where the sampled "
              "text encodes to the sampled tokens, or from chosen_steps and rejected_steps of a "
              "row of `lldm score`"
            : "one step per token of the canvas"));
  std::map<std::int64_t, std::vector<std::int64_t>> steps;  // recorded step -> scored positions
  for (std::int64_t i = 0; i < plan.num_scored; ++i)
    steps[text.reveal_step[static_cast<std::size_t>(i)]].push_back(i);
  Stream unused = draws.stream(0);  // absorbing noise draws nothing
  for (auto next = steps.begin(); next != steps.end();) {
    std::vector<std::int64_t> masked, written;
    for (auto later = next; later != steps.end(); ++later)
      masked.insert(masked.end(), later->second.begin(), later->second.end());
    for (std::int64_t k = 0; k < options_.shrink && next != steps.end(); ++k, ++next)
      written.insert(written.end(), next->second.begin(), next->second.end());
    std::sort(masked.begin(), masked.end());
    std::sort(written.begin(), written.end());
    append_copy(plan, text, process, masked, written, 1.0, 0, unused);
  }
  return plan;
}

Target RecordedTrajectory::target(std::int64_t) const {
  return {message("recorded_trajectory(", options_.shrink, ")"), true};
}

}  // namespace lldm
