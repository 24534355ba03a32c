// SPDX-License-Identifier: MIT
#include "tokenizer/split_regex.hpp"

#include <cctype>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "text/pcre2.hpp"
#include "tokenizer/regex_dialect.hpp"

namespace lldm {

struct SplitRegex::Code : pcre2::Code {};

SplitRegex::SplitRegex(std::string_view expression) { compile(to_pcre2(expression)); }

SplitRegex SplitRegex::literal(std::string_view text) {
  SplitRegex regex;
  std::string escaped;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      escaped += "\\x{";
      escaped += kDigits[static_cast<unsigned char>(c) >> 4];
      escaped += kDigits[static_cast<unsigned char>(c) & 15];
      escaped += '}';
    } else {
      escaped += c;
    }
  }
  regex.compile(escaped);
  return regex;
}

void SplitRegex::compile(const std::string& pcre2) {
  const pcre2::CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_max_pattern_length(context.get(), 1 << 20);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pcre2.data()), pcre2.size(),
                                       PCRE2_UTF | PCRE2_UCP, &error, &offset, context.get());
  if (!compiled)
    throw DataError(message("the expression is malformed: ", pcre2::error_text(error)));
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without JIT the interpreter serves
  code_ = std::make_shared<Code>(Code{pcre2::limited(compiled)});
}

std::vector<SplitRegex::Match> SplitRegex::find_all(std::string_view text) const {
  std::vector<Match> matches;
  find_all(text, matches);
  return matches;
}

void SplitRegex::find_all(std::string_view text, std::vector<Match>& matches) const {
  // One for every expression: it holds the bounds of the whole match alone.
  thread_local const pcre2::MatchData data(pcre2_match_data_create(1, nullptr));
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const auto match_at = [&](std::size_t at, std::uint32_t options) {
    return pcre2_match(code_->code.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK | options,
                       data.get(), code_->limits.get());
  };
  matches.clear();
  std::size_t from = 0;
  while (from <= text.size()) {
    int result = match_at(from, 0);
    // The JIT's stack is 32 KiB; what needs more is repeated by the interpreter, on the heap.
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match_at(from, PCRE2_NO_JIT);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0)
      throw DataError(message("splitting the text failed: ", pcre2::error_text(result),
                              "\n  at: ", excerpt(text, from)));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    if (bounds[0] == bounds[1] && !matches.empty() && matches.back().end == bounds[1]) {
      from += from < text.size() ? code_point_at(text, from).length : 1;
      continue;
    }
    matches.push_back({bounds[0], bounds[1]});
    from = bounds[1];
  }
}

}  // namespace lldm
