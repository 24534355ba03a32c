// SPDX-License-Identifier: MIT
#include "eval/answer_regex.hpp"

#include <cstdint>

#include "text/pcre2.hpp"

namespace lldm::eval {

struct AnswerRegex::Code : pcre2::Code {};

/// The matches of one text, from left to right.
struct AnswerRegex::Scan {
  Scan(const Code& code, std::string_view subject)
      : regex(code),
        text(subject),
        data(pcre2_match_data_create_from_pattern(code.code.get(), nullptr)) {}

  bool next() {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    // An empty match is followed by another, non-empty one at its place, or by the next place.
    while (from <= text.size()) {
      const int result = pcre2_match(regex.code.get(), subject, text.size(), from, options,
                                     data.get(), regex.limits.get());
      if (result == PCRE2_ERROR_NOMATCH) {
        if (options == 0) return false;
        options = 0;
        ++from;
        continue;
      }
      if (result < 0)
        throw RegexLimit(message("the expression gave up: ", pcre2::error_text(result)));
      bounds = pcre2_get_ovector_pointer(data.get());
      from = bounds[1];
      options = bounds[0] == bounds[1] ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
      return true;
    }
    return false;
  }

  /// The first group that holds text; the whole match if it has no groups.
  [[nodiscard]] std::string group() const {
    const std::uint32_t count = pcre2_get_ovector_count(data.get());
    for (std::uint32_t g = 1; g < count; ++g)
      if (bounds[2 * g] != PCRE2_UNSET && bounds[2 * g + 1] > bounds[2 * g])
        return std::string(text.substr(bounds[2 * g], bounds[2 * g + 1] - bounds[2 * g]));
    return count > 1 ? "" : std::string(text.substr(bounds[0], bounds[1] - bounds[0]));
  }

  const Code& regex;
  std::string_view text;
  pcre2::MatchData data;
  const PCRE2_SIZE* bounds = nullptr;
  std::size_t from = 0;
  std::uint32_t options = 0;
};

AnswerRegex::AnswerRegex(std::string_view expression) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &offset, nullptr);
  if (!compiled)
    throw DataError(message("the expression is malformed at byte ", offset + 1, ": ",
                            pcre2::error_text(error)));
  code_ = std::make_shared<Code>(Code{pcre2::limited(compiled)});
}

bool AnswerRegex::is_found(std::string_view text) const { return Scan(*code_, text).next(); }

std::optional<std::string> AnswerRegex::find(std::string_view text, Which which) const {
  std::optional<std::string> found;
  for (Scan scan(*code_, text); scan.next();) {
    found = scan.group();
    if (which == Which::first) break;
  }
  return found;
}

std::string AnswerRegex::without(std::string_view text) const {
  std::string kept;
  std::size_t at = 0;
  for (Scan scan(*code_, text); scan.next(); at = scan.bounds[1])
    kept += text.substr(at, scan.bounds[0] - at);
  return kept += text.substr(at);
}

}  // namespace lldm::eval
