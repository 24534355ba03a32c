// SPDX-License-Identifier: MIT
#include "lldm/estimator/eubo.hpp"

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

void Eubo::Options::check(config::OptionsCheck& check) const {
  if (masks == EuboMasks::complementary && draws % 2 != 0)
    check.error("draws", message("draws = ", draws, " leaves a mask without its complement"),
                "legal: even numbers, or masks = \"iid\"");
}

Eubo::Eubo(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] eubo");
}

ScorePlan Eubo::plan(const Text& text, const AnyForwardProcess& process,
                     const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.combination = Combination::log_mean_exp;
  plan.sharpness = options_.sharpness;
  const std::int64_t scored = plan.num_scored;
  const auto append = [&](const std::vector<std::int64_t>& masked, double mass, Stream& stream) {
    const double weight =
        masked.empty() ? 0.0 : mass / static_cast<double>(options_.draws * std::ssize(masked));
    append_copy(plan, text, process, masked, masked, weight, 0, stream);
  };
  const bool is_paired = options_.masks == EuboMasks::complementary;
  for (std::int64_t j = 0; j < options_.draws; j += is_paired ? 2 : 1) {
    Stream stream = draws.stream(stream_key(0, 1 + j));
    const std::int64_t count = is_paired ? stream.below(scored + 1) : 1 + stream.below(scored);
    const std::vector<std::int64_t> masked = stream.subset(scored, count);
    append(masked, static_cast<double>(is_paired ? scored + 1 : scored), stream);
    if (!is_paired) continue;
    std::vector<std::int64_t> rest;
    for (std::int64_t i = 0, next = 0; i < scored; ++i)
      if (next < std::ssize(masked) && masked[static_cast<std::size_t>(next)] == i)
        ++next;
      else
        rest.push_back(i);
    append(rest, static_cast<double>(scored + 1), stream);
  }
  for (Query& query : plan.queries)
    query.group = query.position - static_cast<std::int32_t>(plan.num_prompt);
  return plan;
}

Target Eubo::target(std::int64_t) const {
  return {message("eubo(", options_.sharpness, ")"), false, Combination::log_mean_exp};
}

}  // namespace lldm
