// SPDX-License-Identifier: MIT
#include "lldm/estimator/complementary_pair.hpp"

#include <algorithm>
#include <numeric>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"

namespace lldm {
namespace {

/// The positions of {0..R-1} that are not in `masked`, ascending.
std::vector<std::int64_t> complement(const std::vector<std::int64_t>& masked, std::int64_t scored) {
  std::vector<std::int64_t> rest;
  for (std::int64_t i = 0; i < scored; ++i)
    if (!std::binary_search(masked.begin(), masked.end(), i)) rest.push_back(i);
  return rest;
}

struct Side {
  std::vector<std::int64_t> masked;
  double weight;
};

std::vector<Side> espo_pair(std::int64_t scored, Stream& draws) {
  const std::int64_t count = draws.below(scored + 1);
  const auto masked = draws.subset(scored, count);
  const auto weight = [&](std::int64_t size) {
    return size == 0 ? 0.0 : static_cast<double>(scored + 1) / static_cast<double>(2 * size);
  };
  return {{masked, weight(count)}, {complement(masked, scored), weight(scored - count)}};
}

std::vector<Side> coupled_pair(std::int64_t scored, Stream& draws) {
  const double rate = 0.2 + 0.6 * draws.uniform();
  std::vector<std::int64_t> all(static_cast<std::size_t>(scored)), masked;
  std::iota(all.begin(), all.end(), 0);
  for (const std::int64_t i : all)
    if (draws.uniform() < rate) masked.push_back(i);
  auto rest = complement(masked, scored);
  return {
      {std::move(all), 0.5}, {std::move(masked), 0.5 / rate}, {std::move(rest), 0.5 / (1 - rate)}};
}

}  // namespace

ComplementaryPair::ComplementaryPair(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] complementary_pair");
}

ScorePlan ComplementaryPair::plan(const Text& text, const AnyForwardProcess& process,
                                  const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.pairs);
  const bool is_espo = options_.weights == PairWeights::espo;
  for (std::int64_t p = 0; p < options_.pairs; ++p) {
    Stream stream = draws.stream(stream_key(p, 0));
    for (const auto& [masked, weight] :
         is_espo ? espo_pair(plan.num_scored, stream) : coupled_pair(plan.num_scored, stream))
      append_copy(plan, text, process, masked, masked, weight / static_cast<double>(options_.pairs),
                  static_cast<std::int32_t>(p), stream);
  }
  return plan;
}

}  // namespace lldm
