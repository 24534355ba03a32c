// SPDX-License-Identifier: MIT
#include "estimator/plan_builder.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

void check_process(std::string_view estimator, const AnyForwardProcess& process, Accepts accepts) {
  if (!process.is_absorbing() && !(accepts.posterior && process.has_posterior()))
    throw ConfigError(message("score estimator \"", estimator,
                              "\" needs absorbing noise (every noised position shows the mask)\n"
                              "  use forward_process = \"masked\"",
                              process.has_posterior()
                                  ? ", or score_estimator = \"full_trajectory\" or \"segmented\""
                                  : ""));
  if (process.block_size() > 0 && !accepts.blocks)
    throw ConfigError(message("score estimator \"", estimator,
                              "\" does not score noise of blocks\n  use score_estimator = "
                              "\"monte_carlo_elbo\", \"full_trajectory\" or \"segmented\", or "
                              "forward_process = \"masked\""));
}

}  // namespace

ScorePlan start_plan(std::string_view estimator, const Text& text, const AnyForwardProcess& process,
                     Accepts accepts) {
  if (text.num_scored() < 1)
    throw DataError(
        message("score estimator \"", estimator,
                "\": the text has no scored token\n  an answer needs at least one token"));
  if (text.num_scored() > static_cast<std::int64_t>(text.response.size()))
    throw ShapeError(message("score estimator \"", estimator, "\": scored = ", text.num_scored(),
                             " is more than the response's ", text.response.size(), " tokens"));
  check_process(estimator, process, accepts);
  ScorePlan plan;
  plan.length = text.length();
  plan.num_prompt = static_cast<std::int64_t>(text.prompt.size());
  plan.num_scored = text.num_scored();
  plan.readout = process.readout();
  if (process.block_size() > 0) {
    plan.length *= 2;
    plan.attention = {AttentionPattern::Kind::two_stream, plan.num_prompt, process.block_size()};
  }
  return plan;
}

std::vector<ScoredBlock> scored_blocks(const AnyForwardProcess& process, std::int64_t scored) {
  const std::int64_t most = process.block_size() > 0 ? process.block_size() : scored;
  std::vector<ScoredBlock> blocks;
  for (std::int64_t begin = 0; begin < scored; begin += most)
    blocks.push_back({begin, std::min(most, scored - begin)});
  return blocks;
}

void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 double weight, std::int32_t replicate, Stream& noise) {
  const std::vector<double> weights(scored.size(), weight);
  append_copy(plan, text, process, noised, scored, weights, replicate, noise);
}

void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 std::span<const double> weights, std::int32_t replicate, Stream& noise) {
  const std::int32_t slot = plan.asked++;
  if (scored.empty()) return;
  const auto copy = static_cast<std::int32_t>(plan.copies());
  const std::size_t begin = plan.tokens.size();
  const auto append_text = [&] {
    plan.tokens.insert(plan.tokens.end(), text.prompt.begin(), text.prompt.end());
    plan.tokens.insert(plan.tokens.end(), text.response.begin(), text.response.end());
  };
  append_text();
  process.noise(std::span(plan.tokens).subspan(begin + text.prompt.size()), noised, noise);
  if (plan.attention.kind == AttentionPattern::Kind::two_stream) append_text();
  for (std::size_t q = 0; q < scored.size(); ++q)
    plan.queries.push_back({.copy = copy,
                            .position = static_cast<std::int32_t>(plan.num_prompt + scored[q]),
                            .target = text.response[static_cast<std::size_t>(scored[q])],
                            .weight = weights[q]});
  plan.replicate.push_back(replicate);
  plan.slot.push_back(slot);
  plan.noised += static_cast<std::int64_t>(noised.size());
}

}  // namespace lldm
