// SPDX-License-Identifier: MIT
#include "lldm/config/diagnostics.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

/// A message without the "where: " it begins with.
std::string_view what(std::string_view message) {
  const std::size_t end = message.find(": ");
  return end == std::string_view::npos ? message : message.substr(end + 2);
}

/// A default table that five stages read is wrong once, whichever stage says so first.
void add_once(std::vector<Diagnostic>& list, Diagnostic diagnostic) {
  const bool is_placed = !diagnostic.position.text().empty();
  const bool is_known = std::any_of(list.begin(), list.end(), [&](const Diagnostic& other) {
    return other.position == diagnostic.position &&
           (is_placed ? what(other.message) == what(diagnostic.message)
                      : other.message == diagnostic.message);
  });
  if (!is_known) list.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> sorted(std::vector<Diagnostic> list) {
  std::stable_sort(list.begin(), list.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.position < b.position;
  });
  return list;
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Optimal string alignment distance: insert, delete, replace, swap neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string Diagnostic::text() const {
  const std::string place = position.text();
  std::string result = place.empty() ? message : place + ": " + message;
  if (!hint.empty()) result += "\n  " + hint;
  return result;
}

void Diagnostics::error(Position position, std::string message, std::string hint) {
  add_once(errors_, {std::move(position), std::move(message), std::move(hint)});
}
void Diagnostics::warning(Position position, std::string message, std::string hint) {
  add_once(warnings_, {std::move(position), std::move(message), std::move(hint)});
}

std::vector<Diagnostic> Diagnostics::errors() const { return sorted(errors_); }
std::vector<Diagnostic> Diagnostics::warnings() const { return sorted(warnings_); }

void Diagnostics::throw_if_any() const {
  if (errors_.empty()) return;
  std::string text;
  for (const Diagnostic& error : errors()) text += (text.empty() ? "" : "\n") + error.text();
  throw ConfigError(text);
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
  constexpr std::size_t kLongest =
      64;  // longer words are no misspellings, and the cost is quadratic
  if (name.size() > kLongest) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    if (longer > kLongest) continue;
    const std::size_t here = distance(name, candidate);
    const bool is_close = here <= std::max<std::size_t>(1, longer / 3) && here < longer;
    if (is_close && (!best || here < best_distance)) best = candidate, best_distance = here;
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates,
                         std::string_view plural) {
  std::string hint;
  if (const auto close = nearest(name, candidates))
    hint = "did you mean " + in_quotes(*close) + "?  ";
  hint += std::string(plural) + ": ";
  for (std::size_t i = 0; i < candidates.size(); ++i) hint += (i ? ", " : "") + candidates[i];
  if (candidates.empty()) hint += "none";
  return hint;
}

}  // namespace lldm::config
