// SPDX-License-Identifier: MIT
#include "config/dot_depth.hpp"

namespace lldm::config {
namespace {

/// Index behind the string that begins at `begin`; a missing end is the parser's to report.
std::size_t skip_string(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  const std::string_view three = text.substr(begin, 3);
  const bool is_long = three.size() == 3 && three[1] == quote && three[2] == quote;
  std::size_t i = begin + (is_long ? 3 : 1);
  while (i < text.size()) {
    if (text[i] == '\\' && quote == '"') {
      i += 2;
    } else if (!is_long && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    } else if (is_long && text.substr(i, 3) == three) {
      return i + 3;
    } else {
      ++i;
    }
  }
  return text.size();
}

TextPlace place_of(std::string_view text, std::size_t index) {
  TextPlace place{1, 1};
  for (const char c : text.substr(0, index)) {
    ++place.column;
    if (c == '\n') ++place.line, place.column = 1;
  }
  return place;
}

}  // namespace

std::optional<TextPlace> find_deep_key(std::string_view text) {
  int dots = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = skip_string(text, i);
      continue;
    }
    if (c == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
      continue;
    }
    if (c == '.' && ++dots > kMaxKeyDots) return place_of(text, i);
    if (c == '=' || c == ',' || c == '\n' || c == '[' || c == ']' || c == '{' || c == '}') dots = 0;
    ++i;
  }
  return std::nullopt;
}

}  // namespace lldm::config
