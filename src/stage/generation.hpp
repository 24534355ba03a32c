// SPDX-License-Identifier: MIT
// Sampling answers to a task's prompts: shared by synthesize, evaluate and sample stages.
#pragma once

#include <string>
#include <vector>

#include "lldm/concepts/any_sampler.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/data/template.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// One sampled answer, in the order prompt by prompt, answer by answer.
struct Generated {
  std::size_t prompt = 0;  // index
  std::string text;
  std::int64_t forwards = 0;
  std::vector<std::int64_t> tokens;       // the canvas behind `text`
  std::vector<std::int64_t> reveal_step;  // as SampledText's
};

/// `samples` answers to each prompt.  Draws are keyed by (prompt index, answer): which prompts are
/// asked together changes nothing.  Stops with Stopped when the observer asks.
std::vector<Generated> generate(const RunContext& run, const Work& work, const ModelBundle& bundle,
                                const AnySampler& sampler, const std::vector<std::string>& prompts,
                                std::int64_t samples, const std::string& unit);

/// The first `limit` examples (0: all).
std::vector<Example> limited(std::vector<Example> examples, std::int64_t limit);

}  // namespace lldm
