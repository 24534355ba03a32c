// SPDX-License-Identifier: MIT
// Expressions of a user's task.  Internal to src/eval.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm::eval {

/// A match that took too many steps or too much memory: no answer is known.
class RegexLimit : public Error {
 public:
  using Error::Error;
};

/// A compiled PCRE2 expression (UTF, UCP; limits on steps, depth and heap).  Immutable, copyable.
/// Texts may hold any bytes: what is not UTF-8 matches nothing.
class AnswerRegex {
 public:
  /// DataError "...: WHY at character N", without a place.
  explicit AnswerRegex(std::string_view expression);

  /// Whether it matches anywhere.  RegexLimit where that cannot be found out.
  [[nodiscard]] bool is_found(std::string_view text) const;
  /// The first or the last match: its first group that holds text, or the whole where it has no
  /// groups; nothing without a match.  RegexLimit.
  enum class Which { first, last };
  [[nodiscard]] std::optional<std::string> find(std::string_view text, Which which) const;
  /// The text without its matches.  RegexLimit.
  [[nodiscard]] std::string without(std::string_view text) const;

 private:
  struct Code;
  struct Scan;
  std::shared_ptr<const Code> code_;
};

}  // namespace lldm::eval
