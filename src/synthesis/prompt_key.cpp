// SPDX-License-Identifier: MIT
#include "synthesis/prompt_key.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "lldm/text/utf8.hpp"

namespace lldm::synthesis {
namespace {

char32_t lower(char32_t c) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

bool is_white(char32_t c) {  // Python's str.isspace
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_letter(char32_t c) { return c >= 'a' && c <= 'z'; }  // of a text in lower case

/// Quotes and the punctuation of sentences, with those of Chinese texts.
bool is_punctuation(char32_t c) {
  static constexpr std::u32string_view all =
      U".,;:?\"'`\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A\u2026"
      U"\u3001\u3002\uFF0C\uFF1A\uFF1B\uFF1F\u300C\u300D\u300E\u300F";
  return all.find(c) != all.npos;
}

bool equal_in_lower_case(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
}

std::string_view stripped(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = decode_utf8(text, at);
    out += character ? character->value : U'\uFFFD';
    at += character ? character->length : 1;
  }
  return out;
}

/// Whether the punctuation at `at` is a part of mathematics.  `before`: the last character that was
/// kept, 0 at the beginning.
bool is_mathematics(std::u32string_view text, std::size_t at, char32_t before) {
  const auto character = [&](std::size_t i) { return i < text.size() ? text[i] : char32_t{0}; };
  const char32_t sign = text[at];
  std::size_t next = at + 1;
  if (sign == '\'') {  // f'(x), f''(x)
    while (character(next) == '\'') ++next;
    return character(next) == '(';
  }
  if (sign == '.' && is_digit(character(next))) return !is_letter(before);
  if (sign != ',' && sign != ':') return false;
  while (is_white(character(next))) ++next;
  return is_digit(before) && is_digit(character(next));
}

}  // namespace

std::string_view undressed_prompt(std::string_view prompt) {
  static constexpr std::array<std::string_view, 4> heads = {
      "question:", "problem:", "q:", "context:"};
  static constexpr std::array<std::string_view, 5> tails = {
      "answer:", "solution:", "a:", "let's think step by step.", "let's think step by step"};
  prompt = stripped(prompt);
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (const auto head : heads)
      if (equal_in_lower_case(prompt.substr(0, head.size()), head)) {
        prompt = stripped(prompt.substr(head.size()));
        is_new = true;
      }
    for (const auto tail : tails)
      if (prompt.size() >= tail.size() &&
          equal_in_lower_case(prompt.substr(prompt.size() - tail.size()), tail)) {
        prompt = stripped(prompt.substr(0, prompt.size() - tail.size()));
        is_new = true;
      }
  }
  return prompt;
}

std::string single_spaced(std::string_view text) {
  std::string out;
  bool is_gap = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = decode_utf8(text, at);
    const std::size_t length = character ? character->length : 1;
    if (character && is_white(character->value)) {
      is_gap = true;
    } else {
      if (is_gap && !out.empty()) out += ' ';
      is_gap = false;
      out += text.substr(at, length);
    }
    at += length;
  }
  return out;
}

std::string benchmark_key(std::string_view prompt) {
  std::u32string text = code_points(undressed_prompt(prompt));
  std::ranges::transform(text, text.begin(), lower);
  std::string key;
  char32_t before = 0;
  bool is_gap = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char32_t c = text[at];
    if (is_white(c)) {
      is_gap = true;
      continue;
    }
    if (is_punctuation(c) && !is_mathematics(text, at, before)) continue;
    if (is_gap && is_digit(before) && is_digit(c)) key += ' ';
    append_utf8(key, c);
    before = c;
    is_gap = false;
  }
  return key;
}

std::size_t key_length(std::string_view key) {
  return static_cast<std::size_t>(
      std::ranges::count_if(key, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace lldm::synthesis
