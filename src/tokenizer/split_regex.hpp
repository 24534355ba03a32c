// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// A compiled expression of a tokenizer (PCRE2: UTF, UCP, JIT; match, depth and heap limits).
/// Immutable: threads may share it.
class SplitRegex {
 public:
  struct Match {
    std::size_t begin, end;
  };

  /// `expression` in the reference's dialect (tokenizer/regex_dialect.hpp).  DataError where it is
  /// malformed or not implemented, without a place: the caller knows the JSON path.
  explicit SplitRegex(std::string_view expression);
  /// An expression that matches `text` as it stands.
  static SplitRegex literal(std::string_view text);

  /// All matches from left to right; an empty one directly after another match is not counted.
  /// Errors  DataError when the limits are exceeded.
  [[nodiscard]] std::vector<Match> find_all(std::string_view valid_utf8) const;
  /// The same into a list that is used again and again.
  void find_all(std::string_view valid_utf8, std::vector<Match>& matches) const;

 private:
  struct Code;
  SplitRegex() = default;
  void compile(const std::string& pcre2);
  std::shared_ptr<const Code> code_;
};

}  // namespace lldm
