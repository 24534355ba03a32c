// SPDX-License-Identifier: MIT
#include <utf8proc.h>

#include "lldm/text/utf8.hpp"
#include "lldm/tokenizer/words.hpp"

namespace lldm {
namespace {

enum class Kind { space, newline, letter, digit, run, other };

Kind kind_of(char32_t c) {
  if (c < 0x80) {
    const char a = static_cast<char>(c);
    if (a == '\n') return Kind::newline;
    if (a == ' ' || (a >= '\t' && a <= '\r')) return Kind::space;
    if (a >= '0' && a <= '9') return Kind::digit;
    if ((a >= 'a' && a <= 'z') || (a >= 'A' && a <= 'Z')) return Kind::letter;
    return std::string_view("#*=-.~<>").find(a) != std::string_view::npos ? Kind::run : Kind::other;
  }
  if (c == 0x85) return Kind::space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Kind::letter;
    case UTF8PROC_CATEGORY_ND:
      return Kind::digit;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return Kind::space;
    default:
      return Kind::other;
  }
}

bool is_apostrophe(char32_t c) { return c == '\'' || c == 0x2019; }

/// End of the run of `kind` that begins at `at`.
std::size_t end_of_run(std::string_view text, std::size_t at, Kind kind) {
  while (at < text.size()) {
    const CodePoint c = code_point_at(text, at);
    if (kind_of(c.value) != kind) {
      const std::size_t behind = at + c.length;
      const bool goes_on = kind == Kind::letter && is_apostrophe(c.value) && behind < text.size() &&
                           kind_of(code_point_at(text, behind).value) == Kind::letter;
      if (!goes_on) break;
    }
    at += c.length;
  }
  return at;
}

}  // namespace

void split_words(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const Kind kind = kind_of(c.value);
    std::size_t end = at + c.length;
    if (kind == Kind::letter || kind == Kind::digit) end = end_of_run(text, end, kind);
    if (kind == Kind::run)
      while (end < text.size() && text[end] == text[at]) ++end;
    if (kind != Kind::space) words.push_back(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace lldm
