// SPDX-License-Identifier: MIT
// A text of two prompt and three response tokens, and what a plan says of it in plain numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/forward/masked.hpp"
#include "lldm/laws/estimator_laws.hpp"
#include "lldm/schedule/linear.hpp"

namespace lldm::testing {

using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t kMask = 3;

inline Text three_tokens() { return {.prompt = {1, 2}, .response = {0, 2, 1}}; }
inline MaskedProcess linear_masks() { return {kMask, LinearSchedule()}; }

/// The plan of the three tokens with the draws of one row.
template <class E>
ScorePlan plan_of(const E& estimator, std::uint64_t row = 0, const Text& text = three_tokens()) {
  const Draws draws(1, "unit");
  return estimator.plan(text, linear_masks(), laws::draws_of(draws, row));
}

inline Tokens shown(const ScorePlan& plan, std::int64_t copy) {
  const std::span<const std::int64_t> tokens = plan.copy(copy);
  return {tokens.begin(), tokens.end()};
}

/// The response positions that a copy hides.
inline Tokens hidden(const ScorePlan& plan, std::int64_t copy) {
  Tokens out;
  for (std::int64_t i = plan.num_prompt; i < plan.length; ++i)
    if (plan.copy(copy)[static_cast<std::size_t>(i)] == kMask) out.push_back(i - plan.num_prompt);
  return out;
}

/// The response positions that a copy asks, and the weights of these queries.
inline Tokens asked(const ScorePlan& plan, std::int64_t copy) {
  Tokens out;
  for (const Query& query : plan.queries)
    if (query.copy == copy) out.push_back(query.position - plan.num_prompt);
  return out;
}
inline std::vector<double> weights(const ScorePlan& plan, std::int64_t copy) {
  std::vector<double> out;
  for (const Query& query : plan.queries)
    if (query.copy == copy) out.push_back(query.weight);
  return out;
}

inline double weight_sum(const ScorePlan& plan) {
  double sum = 0;
  for (const Query& query : plan.queries) sum += query.weight;
  return sum;
}

/// Every query asks for the token that the text has there.
inline bool asks_for_the_text(const ScorePlan& plan, const Text& text = three_tokens()) {
  for (const Query& query : plan.queries)
    if (query.target !=
        text.response[static_cast<std::size_t>(query.position) - text.prompt.size()])
      return false;
  return !plan.queries.empty();
}

/// The sum of a plan under a table of conditionals.
inline double score_of(const laws::ToyTable& model, const ScorePlan& plan) {
  double sum = plan.constant;
  for (const Query& query : plan.queries)
    sum +=
        query.weight * model.log_probability(plan.copy(query.copy), query.position, query.target);
  return sum;
}

}  // namespace lldm::testing
