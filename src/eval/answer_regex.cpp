// SPDX-License-Identifier: MIT
#include "eval/answer_regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cstdint>

namespace lldm::eval {
namespace {

constexpr std::uint32_t kMatchLimit = 10'000'000;  // steps of one match
constexpr std::uint32_t kDepthLimit = 1'000'000;
constexpr std::uint32_t kHeapLimitKib = 256 * 1024;

std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> text = {};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace

struct AnswerRegex::Code {
  std::unique_ptr<pcre2_code, Freed<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>> limits;
};

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
      if (result < 0) throw RegexLimit(message("the expression gave up: ", error_text(result)));
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
  std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>> data;
  const PCRE2_SIZE* bounds = nullptr;
  std::size_t from = 0;
  std::uint32_t options = 0;
};

AnswerRegex::AnswerRegex(std::string_view expression) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto made = std::make_shared<Code>();
  made->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &offset,
                                 nullptr));
  if (!made->code)
    throw DataError(
        message("the expression is malformed at byte ", offset + 1, ": ", error_text(error)));
  made->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(made->limits.get(), kMatchLimit);
  pcre2_set_depth_limit(made->limits.get(), kDepthLimit);
  pcre2_set_heap_limit(made->limits.get(), kHeapLimitKib);
  code_ = std::move(made);
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
