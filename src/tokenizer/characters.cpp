// SPDX-License-Identifier: MIT
#include "tokenizer/characters.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "lldm/text/utf8.hpp"
#include "tokenizer/unicode_reference.hpp"
#include "tokenizer/unicode_scripts.hpp"

namespace lldm {
namespace {

/// The range that holds a character, or null.
template <class Range, std::size_t n>
const Range* range_of(const std::array<Range, n>& ranges, char32_t c) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t value, const Range& r) { return value < r.first; });
  return behind != ranges.begin() && c <= std::prev(behind)->last ? &*std::prev(behind) : nullptr;
}

template <std::size_t n>
bool is_in(const std::array<CharacterRange, n>& ranges, char32_t c) {
  return range_of(ranges, c) != nullptr;
}

/// Capitals newer than the system's utf8proc may be: the lower case of `first` is `lower`, and so
/// on in steps of `step`.
struct NewCapitals {
  char32_t first, last, lower, step;
};
constexpr std::array<NewCapitals, 8> kNewCapitals = {{{0x1C89, 0x1C89, 0x1C8A, 1},
                                                      {0xA7CB, 0xA7CB, 0x264, 1},
                                                      {0xA7CC, 0xA7CE, 0xA7CD, 2},
                                                      {0xA7D2, 0xA7D4, 0xA7D3, 2},
                                                      {0xA7DA, 0xA7DA, 0xA7DB, 1},
                                                      {0xA7DC, 0xA7DC, 0x19B, 1},
                                                      {0x10D50, 0x10D65, 0x10D70, 1},
                                                      {0x16EA0, 0x16EB8, 0x16EBB, 1}}};

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}
bool is_punctuation(char32_t c) { return is_in(kReferencePunctuation, c); }
bool is_number(char32_t c) { return is_in(kReferenceNumbers, c); }
bool is_mark(char32_t c) { return is_in(kReferenceMarks, c); }
bool is_nonspacing_mark(char32_t c) { return is_in(kReferenceNonspacing, c); }
bool is_cleaned_away(char32_t c) { return is_in(kReferenceCleaned, c); }

int script_of(char32_t c) {
  const ScriptRange* range = range_of(kReferenceScripts, c);
  return range ? range->script : 0;
}

bool is_chinese(char32_t c) {
  constexpr std::array<CharacterRange, 8> kBlocks = {{{0x3400, 0x4DBF},
                                                      {0x4E00, 0x9FFF},
                                                      {0xF900, 0xFAFF},
                                                      {0x20000, 0x2A6DF},
                                                      {0x2A700, 0x2B73F},
                                                      {0x2B740, 0x2B81F},
                                                      {0x2B920, 0x2CEAF},
                                                      {0x2F800, 0x2FA1F}}};
  return is_in(kBlocks, c);
}

void append_lower_case(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return;
  }
  if (c == 0x130) {  // the one capital whose lower case is two characters
    text += "i\u0307";
    return;
  }
  for (const NewCapitals& range : kNewCapitals)
    if (c >= range.first && c <= range.last && (c - range.first) % range.step == 0)
      return append_utf8(text, range.lower + (c - range.first));
  append_utf8(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

}  // namespace lldm
