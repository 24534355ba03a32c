// SPDX-License-Identifier: MIT
#include "eval/answer_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lldm/data/text.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::eval {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t digits_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// End of "1,234,567"; of "1" in "1,2".
std::size_t whole_end(std::string_view text, std::size_t begin) {
  std::size_t end = digits_end(text, begin);
  if (end - begin > 3) return end;
  for (std::size_t next = end; next < text.size() && text[next] == ',';) {
    const std::size_t group = digits_end(text, next + 1);
    if (group != next + 4) break;
    end = next = group;
  }
  return end;
}

std::size_t number_end(std::string_view text, std::size_t begin) {
  std::size_t end = whole_end(text, begin);
  if (end < text.size() && text[end] == '.' && digits_end(text, end + 1) > end + 1)
    end = digits_end(text, end + 1);
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t power = end + 1;
    if (power < text.size() && (text[power] == '-' || text[power] == '+')) ++power;
    if (digits_end(text, power) > power) end = digits_end(text, power);
  }
  return end;
}

bool is_sign(std::string_view text, std::size_t at) {
  if (text[at] != '-') return false;
  if (at == 0) return true;
  const char before = text[at - 1];
  return !is_digit(before) && !is_letter(before) && before != ')' && before != ']';
}

std::optional<double> value_of(std::string_view text) {
  std::string plain;
  for (const char c : text)
    if (c != ',' && c != '$') plain += c;
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string lower(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = decode_utf8(text, at);
    if (character)
      append_utf8(out, static_cast<char32_t>(
                           utf8proc_tolower(static_cast<utf8proc_int32_t>(character->value))));
    else
      out += text[at];  // no UTF-8: kept as it is
    at += character ? character->length : 1;
  }
  return out;
}

bool is_punctuation(char c) {  // Python's string.punctuation
  return c > ' ' && c < 0x7F && !is_digit(c) && !is_letter(c);
}

}  // namespace

std::optional<Number> last_number(std::string_view text) {
  std::optional<Number> last;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    if (is_sign(text, begin)) ++begin;
    if (begin > at && begin < text.size() && text[begin] == '$') ++begin;  // -$5
    const bool is_fraction =
        begin + 1 < text.size() && text[begin] == '.' && is_digit(text[begin + 1]);
    if (begin >= text.size() || (!is_digit(text[begin]) && !is_fraction)) {
      ++at;
      continue;
    }
    const std::size_t end = number_end(text, begin);
    std::string found(text.substr(at, end - at));
    if (const auto value = value_of(found)) last = Number{std::move(found), *value};
    at = end;
  }
  return last;
}

std::string plain_answer(std::string text, bool ignore_case, bool ignore_punctuation) {
  if (ignore_case) text = lower(text);
  if (ignore_punctuation) std::erase_if(text, is_punctuation);
  return std::string(trim_white_space(text));
}

}  // namespace lldm::eval
