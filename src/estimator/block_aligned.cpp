// SPDX-License-Identifier: MIT
#include "lldm/estimator/block_aligned.hpp"

#include <algorithm>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

BlockAligned::BlockAligned(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] block_aligned");
}

ScorePlan BlockAligned::plan(const Text& text, const AnyForwardProcess& process,
                             const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  // Draw j of every block together is one replicate of the whole score.
  plan.num_replicates = static_cast<std::int32_t>(options_.draws);
  for (std::int64_t j = 0; j < options_.draws; ++j) {
    Stream stream = draws.stream(stream_key(j, 0));
    for (std::int64_t begin = 0; begin < plan.num_scored; begin += options_.block_length) {
      const std::int64_t size = std::min(options_.block_length, plan.num_scored - begin);
      const std::int64_t count = 1 + stream.below(size);
      std::vector<std::int64_t> scored = stream.subset(size, count);
      for (std::int64_t& position : scored) position += begin;
      std::vector<std::int64_t> masked = scored;
      for (std::int64_t i = begin + size; i < plan.num_scored; ++i) masked.push_back(i);
      append_copy(plan, text, process, masked, scored,
                  static_cast<double>(size) / static_cast<double>(count * options_.draws),
                  static_cast<std::int32_t>(j), stream);
    }
  }
  return plan;
}

Target BlockAligned::target(std::int64_t) const {
  return {message("block_elbo(", options_.block_length, ")"), true};
}

}  // namespace lldm
