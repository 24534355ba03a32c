// SPDX-License-Identifier: MIT
#include "estimator/plan_builder.hpp"

#include "lldm/errors.hpp"

namespace lldm {

ScorePlan start_plan(std::string_view estimator, const Text& text,
                     const AnyForwardProcess& process) {
  if (text.num_scored() < 1)
    throw DataError(
        message("score estimator \"", estimator,
                "\": the text has no scored token\n  an answer needs at least one token"));
  if (text.num_scored() > static_cast<std::int64_t>(text.response.size()))
    throw ShapeError(message("score estimator \"", estimator, "\": scored = ", text.num_scored(),
                             " is more than the response's ", text.response.size(), " tokens"));
  if (!process.is_absorbing())
    throw ConfigError(message("score estimator \"", estimator,
                              "\" needs absorbing noise (every noised position shows the mask)\n"
                              "  use forward_process = \"masked\""));
  ScorePlan plan;
  plan.length = text.length();
  plan.num_prompt = static_cast<std::int64_t>(text.prompt.size());
  plan.num_scored = text.num_scored();
  plan.readout = process.readout();
  return plan;
}

void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 double weight, std::int32_t replicate, Stream& noise) {
  const std::int32_t slot = plan.asked++;
  if (scored.empty()) return;
  const auto copy = static_cast<std::int32_t>(plan.copies());
  const std::size_t begin = plan.tokens.size();
  plan.tokens.insert(plan.tokens.end(), text.prompt.begin(), text.prompt.end());
  plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
  process.noise(std::span(plan.tokens).subspan(begin + text.prompt.size()), noised, noise);
  for (const std::int64_t i : scored)
    plan.queries.push_back({.copy = copy,
                            .position = static_cast<std::int32_t>(plan.num_prompt + i),
                            .target = text.response[static_cast<std::size_t>(i)],
                            .weight = weight});
  plan.replicate.push_back(replicate);
  plan.slot.push_back(slot);
  plan.noised += static_cast<std::int64_t>(noised.size());
}

}  // namespace lldm
