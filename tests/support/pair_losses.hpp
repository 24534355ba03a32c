// SPDX-License-Identifier: MIT
// Losses of pairs at log-ratios by hand.
#pragma once

#include <utility>
#include <vector>

#include "support/score_sets.hpp"

namespace lldm::testing {

/// Pairs whose log-ratios (policy minus reference, chosen and rejected) are these; the reference
/// scores are not zero.
inline ScoreSet pairs_of_ratios(const std::vector<std::pair<double, double>>& ratios) {
  std::vector<double> policy, reference, lengths;
  for (const auto& [chosen, rejected] : ratios) {
    policy.insert(policy.end(), {chosen - 8.0, rejected - 16.0});
    reference.insert(reference.end(), {-8.0, -16.0});
    lengths.insert(lengths.end(), {1.0, 1.0});
  }
  return score_set(2, policy, reference, lengths);
}

template <class O>
double loss_at(const O& objective, const ScoreSet& set) {
  return objective.evaluate(set).loss_sum.template item<double>();
}

/// d loss / d score of one answer: 0 the chosen, 1 the rejected one.
template <class O>
double slope_at(const O& objective, const ScoreSet& set, std::int64_t answer,
                std::int64_t pair = 0) {
  return slopes(objective, set)[pair][answer].template item<double>();
}

}  // namespace lldm::testing
