// SPDX-License-Identifier: MIT
// A model small enough to enumerate: any conditional p(token | whole noised sequence, position), as
// a table of logits in doubles, without tensors.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lldm/concepts/plan.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm::laws {

/// Tokens 0..V-1 are clean, V is the mask.  A row of V logits for every sequence of length up to
/// `max_length` over the V + 1 tokens and every position in it.
class ToyTable {
 public:
  ToyTable(std::int64_t vocabulary, std::int64_t max_length, std::uint64_t seed, double scale = 1.5)
      : vocabulary_(vocabulary) {
    std::int64_t rows = 0, states = 1;
    for (std::int64_t length = 0; length <= max_length; ++length) {
      offsets_.push_back(rows);
      rows += states * length;
      states *= vocabulary + 1;
    }
    rows_ = rows;
    Stream stream = Draws(seed, "toy").stream(Purpose::initialise);
    for (std::int64_t i = 0; i < rows * vocabulary; ++i) logits_.push_back(scale * stream.normal());
  }

  /// The same table with `scale` standard normals added to its logits: a model a few steps of
  /// training away.
  [[nodiscard]] ToyTable perturbed(double scale, std::uint64_t seed) const {
    ToyTable other = *this;
    Stream stream = Draws(seed, "perturbed").stream(Purpose::initialise);
    for (double& logit : other.logits_) logit += scale * stream.normal();
    return other;
  }

  /// A table of the same shape with these logits [rows * V].
  [[nodiscard]] ToyTable with_logits(std::vector<double> logits) const {
    ToyTable other = *this;
    other.logits_ = std::move(logits);
    return other;
  }

  [[nodiscard]] std::int64_t vocabulary() const { return vocabulary_; }
  [[nodiscard]] std::int64_t mask_token() const { return vocabulary_; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<double>& logits() const { return logits_; }

  /// Which row of the table answers for `position` of `tokens`.
  [[nodiscard]] std::int64_t row(std::span<const std::int64_t> tokens,
                                 std::int64_t position) const {
    std::int64_t state = 0;
    for (const std::int64_t token : tokens) state = state * (vocabulary_ + 1) + token;
    const auto length = static_cast<std::int64_t>(tokens.size());
    return offsets_.at(tokens.size()) + state * length + position;
  }

  [[nodiscard]] double log_probability(std::span<const std::int64_t> tokens, std::int64_t position,
                                       std::int64_t target) const {
    const double* first = logits_.data() + row(tokens, position) * vocabulary_;
    double sum = 0;
    for (std::int64_t v = 0; v < vocabulary_; ++v) sum += std::exp(first[v]);
    return first[target] - std::log(sum);
  }

 private:
  std::int64_t vocabulary_;
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> offsets_;  // [max_length + 1] first row of each length
  std::vector<double> logits_;         // [rows, V]
};

/// log p(y_i | y without M, x) of one text for every subset M of its scored positions: all that a
/// score of it can depend on.
struct SubsetTable {
  std::size_t size = 0;      // R
  std::vector<double> logp;  // [2^R, R], 0 where i is not in M

  [[nodiscard]] std::size_t subsets() const { return std::size_t{1} << size; }
  [[nodiscard]] double at(std::size_t subset, std::size_t i) const {
    return logp[subset * size + i];
  }
  [[nodiscard]] double sum(std::size_t subset) const {
    double total = 0;
    for (std::size_t i = 0; i < size; ++i) total += at(subset, i);
    return total;
  }
};

/// The text with the positions of `subset` masked.
inline std::vector<std::int64_t> masked_copy(const Text& text, std::size_t subset,
                                             std::int64_t mask_token) {
  std::vector<std::int64_t> tokens = text.prompt;
  for (std::size_t i = 0; i < text.response.size(); ++i)
    tokens.push_back(subset >> i & 1 ? mask_token : text.response[i]);
  return tokens;
}

inline SubsetTable subset_table(const ToyTable& model, const Text& text) {
  SubsetTable table{static_cast<std::size_t>(text.num_scored()), {}};
  table.logp.assign(table.subsets() * table.size, 0.0);
  for (std::size_t subset = 0; subset < table.subsets(); ++subset) {
    const auto tokens = masked_copy(text, subset, model.mask_token());
    for (std::size_t i = 0; i < table.size; ++i)
      if (subset >> i & 1)
        table.logp[subset * table.size + i] = model.log_probability(
            tokens, static_cast<std::int64_t>(text.prompt.size() + i), text.response[i]);
  }
  return table;
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace lldm::laws
