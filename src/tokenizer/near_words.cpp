// SPDX-License-Identifier: MIT
#include "tokenizer/near_words.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace lldm {
namespace {

/// Levenshtein distance in bytes, or `limit + 1` once it must exceed `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<std::size_t> row(a.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t j = 1; j <= b.size(); ++j) {
    std::size_t diagonal = std::exchange(row[0], j);
    std::size_t least = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[i];
      row[i] = std::min({row[i] + 1, row[i - 1] + 1, replaced});
      least = std::min(least, row[i]);
    }
    if (least > limit) return limit + 1;
  }
  return row[a.size()];
}

}  // namespace

std::string near_words(std::string_view word, std::span<const std::string> vocabulary,
                       std::size_t count) {
  if (word.size() > 64) return "";
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  std::vector<std::pair<std::size_t, std::size_t>> near;  // distance, index
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const std::size_t d = distance(word, vocabulary[i], limit);
    if (d <= limit) near.emplace_back(d, i);
  }
  const auto kept = std::min(count, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(kept), near.end());
  std::string text;
  for (std::size_t i = 0; i < kept; ++i)
    text += (i == 0 ? "did you mean \"" : ", \"") + vocabulary[near[i].second] + '"';
  return kept == 0 ? "" : text + "?";
}

}  // namespace lldm
