// SPDX-License-Identifier: MIT
#include "lldm/config/diagnostics.hpp"

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/nearest_name.hpp"

namespace lldm::config {
namespace {

/// A message without the "where: " it begins with.
std::string_view what(std::string_view message) {
  const std::size_t end = message.find(": ");
  return end == std::string_view::npos ? message : message.substr(end + 2);
}

constexpr std::size_t kMostTold = 200;  // nobody reads more, and telling them apart is quadratic

/// A default table that five stages read is wrong once, whichever stage says so first.
void add_once(std::vector<Diagnostic>& list, Diagnostic diagnostic) {
  if (list.size() > kMostTold) return;
  if (list.size() == kMostTold)
    return list.push_back({diagnostic.position,
                           message("more than ", kMostTold, " mistakes: what follows is not told"),
                           "repair these first"});
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
void Diagnostics::missing(Position position, std::string message, std::string hint) {
  add_once(expects_missing_ ? warnings_ : errors_,
           {std::move(position), std::move(message), std::move(hint)});
}

Diagnostics Diagnostics::aside() const {
  Diagnostics other;
  other.expects_missing_ = expects_missing_;
  return other;
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
  return nearest_name(name, candidates);
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
