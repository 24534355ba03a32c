// SPDX-License-Identifier: MIT
#include "lldm/estimator/one_step.hpp"

#include <numeric>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

void OneStep::Options::check(config::OptionsCheck& check) const {
  if (replicates > 1 && prompt_mask_probability == 0.0)
    check.error("replicates", message("replicates = ", replicates, " would be equal copies"),
                "legal: 1, or prompt_mask_probability above 0");
}

OneStep::OneStep(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] one_step");
}

ScorePlan OneStep::plan(const Text& text, const AnyForwardProcess& process,
                        const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  std::vector<std::int64_t> all(static_cast<std::size_t>(plan.num_scored));
  std::iota(all.begin(), all.end(), 0);
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    std::vector<std::int64_t> in_prompt;
    if (options_.prompt_mask_probability > 0)
      for (std::int64_t i = 0; i < plan.num_prompt; ++i)
        if (stream.uniform() < options_.prompt_mask_probability) in_prompt.push_back(i);
    append_copy(plan, text, process, all, all, 1.0 / static_cast<double>(options_.replicates),
                static_cast<std::int32_t>(r), stream);
    process.noise(std::span(plan.tokens).subspan(static_cast<std::size_t>(r * plan.length)),
                  in_prompt, stream);
  }
  return plan;
}

}  // namespace lldm
