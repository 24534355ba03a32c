// SPDX-License-Identifier: MIT
// How often a score puts the chosen answer above the rejected one, and trivial rules to hold it
// against.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "lldm/eval/statistics.hpp"

namespace lldm {

/// The scores of the two answers of one pair.
struct ScoredPair {
  double chosen = 0;
  double rejected = 0;
};

/// The token ids of the two answers of one pair, as they are scored.
struct TokenPair {
  std::vector<std::int64_t> chosen;
  std::vector<std::int64_t> rejected;
};

/// The share of pairs whose chosen answer has the higher score; a tie counts one half.
struct PreferenceAccuracy {
  double accuracy = 0;
  Interval interval;  // percentile bootstrap over pairs
  std::int64_t pairs = 0;
  std::int64_t ties = 0;
};

/// Errors  ShapeError: no pairs, a score that is not finite (its index is told), bad settings.
[[nodiscard]] PreferenceAccuracy preference_accuracy(std::span<const ScoredPair> pairs,
                                                     Stream draws,
                                                     const BootstrapSettings& settings = {});

/// The same scores per token: each divided by the number of tokens of its answer.
/// Errors  ShapeError: sizes differ, an answer without tokens.
[[nodiscard]] std::vector<ScoredPair> per_token(std::span<const ScoredPair> scores,
                                                std::span<const TokenPair> tokens);

/// The rule "the shorter answer wins": scores are negative numbers of tokens.
[[nodiscard]] std::vector<ScoredPair> shorter_wins(std::span<const TokenPair> pairs);

/// A model that knows how often each token occurs and nothing else.
///
/// p(v) = (count(v) + smoothing) / (tokens seen + smoothing * V).
class UnigramModel {
 public:
  /// Errors  ShapeError: vocabulary_size < 1, smoothing <= 0.
  explicit UnigramModel(std::int64_t vocabulary_size, double smoothing = 1.0);

  /// Counts the tokens of a text.  ShapeError on an id outside [0, V).
  void learn(std::span<const std::int64_t> ids);
  /// Sum of log p(v) over the tokens, in nats.  ShapeError on an id outside [0, V).
  [[nodiscard]] double score(std::span<const std::int64_t> ids) const;
  [[nodiscard]] std::vector<ScoredPair> score(std::span<const TokenPair> pairs) const;

 private:
  std::size_t index(std::int64_t id) const;

  double smoothing_;
  double total_ = 0;
  std::vector<double> counts_;
};

}  // namespace lldm
