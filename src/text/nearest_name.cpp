// SPDX-License-Identifier: MIT
#include "lldm/text/nearest_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace lldm {
namespace {

constexpr std::size_t kLongest = 64;  // longer words are no misspellings, the cost is quadratic

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Optimal string alignment distance (insert, delete, replace, swap neighbours) of two names of at
/// most kLongest bytes, or `limit + 1` once it must exceed `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::array<std::size_t, kLongest + 1> before{}, last{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t least = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > limit + 1) return limit + 1;  // a swap looks two rows back
    before = last, last = row;
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view name,
                                       std::span<const std::string> candidates, std::size_t count) {
  if (name.size() > kLongest) return {};
  std::vector<std::pair<std::size_t, std::size_t>> near;  // distance, index
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t longer = std::max(name.size(), candidates[i].size());
    if (longer > kLongest) continue;
    const std::size_t limit = std::max<std::size_t>(1, longer / 3);
    const std::size_t here = distance(name, candidates[i], limit);
    if (here <= limit && here < longer) near.emplace_back(here, i);
  }
  const auto kept = std::min(count, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(kept), near.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kept; ++i) names.push_back(candidates[near[i].second]);
  return names;
}

std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates) {
  std::vector<std::string> names = nearest_names(name, candidates, 1);
  return names.empty() ? std::nullopt : std::optional(std::move(names.front()));
}

}  // namespace lldm
