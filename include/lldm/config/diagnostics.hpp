// SPDX-License-Identifier: MIT
// All mistakes of a configuration at once, each with its place and what would be right.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/value.hpp"

namespace lldm::config {

/// One mistake.  Its text is "file:line:column: message" and, indented below, the hint.
struct Diagnostic {
  Position position;
  std::string message;  // where: what is wrong; one line
  std::string hint;     // what was seen and what would be right

  [[nodiscard]] std::string text() const;
};

/// Collects errors and warnings.  The same mistake at the same place counts once, whoever reads it:
/// a default table that five stages use is wrong once.
class Diagnostics {
 public:
  void error(Position position, std::string message, std::string hint);
  void warning(Position position, std::string message, std::string hint);
  /// What is not here yet: an error, or a warning where the file says that it comes later.
  void missing(Position position, std::string message, std::string hint);
  void expect_missing() { expects_missing_ = true; }
  [[nodiscard]] bool expects_missing() const { return expects_missing_; }
  /// None yet, of the same expectations.
  [[nodiscard]] Diagnostics aside() const;

  [[nodiscard]] bool has_errors() const { return !errors_.empty(); }
  [[nodiscard]] std::size_t num_errors() const { return errors_.size(); }
  /// Sorted by file, line and column.
  [[nodiscard]] std::vector<Diagnostic> errors() const;
  [[nodiscard]] std::vector<Diagnostic> warnings() const;

  /// ConfigError with the text of every error, in order; nothing if there is none.
  void throw_if_any() const;

 private:
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
  bool expects_missing_ = false;
};

/// The candidate that `name` is most likely a misspelling of: smallest Damerau-Levenshtein distance
/// (optimal string alignment, letter case ignored), at most a third of the longer name and at least
/// 1; the first one on ties.
[[nodiscard]] std::optional<std::string> nearest(std::string_view name,
                                                 std::span<const std::string> candidates);

/// `did you mean "beta"?  keys: beta, gamma`: the hint below an unknown name.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       std::span<const std::string> candidates,
                                       std::string_view plural);

}  // namespace lldm::config
