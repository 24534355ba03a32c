// SPDX-License-Identifier: MIT
#include "lldm/eval/preference_accuracy.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/objective/win.hpp"

namespace lldm {

PreferenceAccuracy preference_accuracy(std::span<const ScoredPair> pairs, Stream draws,
                                       const BootstrapSettings& settings) {
  PreferenceAccuracy result;
  std::vector<double> wins;
  wins.reserve(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto [chosen, rejected] = pairs[i];
    if (!std::isfinite(chosen) || !std::isfinite(rejected))
      throw ShapeError(message("preference_accuracy: scores must be finite, pair ", i, " has ",
                               chosen, " and ", rejected));
    wins.push_back(win(chosen, rejected));
    result.ties += chosen == rejected;
  }
  result.accuracy = mean(wins);
  result.interval = bootstrap_mean(wins, draws, settings);
  result.pairs = static_cast<std::int64_t>(pairs.size());
  return result;
}

std::vector<ScoredPair> per_token(std::span<const ScoredPair> scores,
                                  std::span<const TokenPair> tokens) {
  if (scores.size() != tokens.size())
    throw ShapeError(message("per_token: needs the tokens of every pair, got ", scores.size(),
                             " scores and ", tokens.size(), " pairs of tokens"));
  std::vector<ScoredPair> result;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (tokens[i].chosen.empty() || tokens[i].rejected.empty())
      throw ShapeError(message("per_token: pair ", i, " has an answer without tokens"));
    result.push_back({scores[i].chosen / static_cast<double>(tokens[i].chosen.size()),
                      scores[i].rejected / static_cast<double>(tokens[i].rejected.size())});
  }
  return result;
}

std::vector<ScoredPair> shorter_wins(std::span<const TokenPair> pairs) {
  std::vector<ScoredPair> result;
  for (const auto& pair : pairs)
    result.push_back(
        {-static_cast<double>(pair.chosen.size()), -static_cast<double>(pair.rejected.size())});
  return result;
}

UnigramModel::UnigramModel(std::int64_t vocabulary_size, double smoothing) : smoothing_(smoothing) {
  if (vocabulary_size < 1 || !(smoothing > 0))
    throw ShapeError(
        message("UnigramModel: vocabulary_size must be at least 1 and smoothing above 0, got ",
                vocabulary_size, " and ", smoothing));
  counts_.resize(static_cast<std::size_t>(vocabulary_size));
}

std::size_t UnigramModel::index(std::int64_t id) const {
  if (id < 0 || id >= static_cast<std::int64_t>(counts_.size()))
    throw ShapeError(message("UnigramModel: id must be in [0, ", counts_.size(), "), got ", id));
  return static_cast<std::size_t>(id);
}

void UnigramModel::learn(std::span<const std::int64_t> ids) {
  for (const auto id : ids) counts_[index(id)] += 1;
  total_ += static_cast<double>(ids.size());
}

double UnigramModel::score(std::span<const std::int64_t> ids) const {
  const double total = total_ + smoothing_ * static_cast<double>(counts_.size());
  double sum = 0;
  for (const auto id : ids) sum += std::log((counts_[index(id)] + smoothing_) / total);
  return sum;
}

std::vector<ScoredPair> UnigramModel::score(std::span<const TokenPair> pairs) const {
  std::vector<ScoredPair> result;
  for (const auto& pair : pairs) result.push_back({score(pair.chosen), score(pair.rejected)});
  return result;
}

}  // namespace lldm
