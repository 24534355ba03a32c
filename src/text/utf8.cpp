// SPDX-License-Identifier: MIT
#include "lldm/text/utf8.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_continuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80; }

/// Bytes of the ill-formed piece at `at`: as many as could still begin a character.
std::size_t piece_length(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at);
  if (first < 0xC2 || first > 0xF4) return 1;
  const std::size_t whole = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  for (std::size_t kept = std::min(whole - 1, text.size() - at); kept > 1; --kept)
    for (const char filling : {'\x80', '\xBF'}) {  // the lowest and the highest of what may follow
      std::string completed(text.substr(at, kept));
      completed.resize(whole, filling);
      if (decode_utf8(completed, 0)) return kept;
    }
  return 1;
}

}  // namespace

std::optional<CodePoint> decode_utf8(std::string_view text, std::size_t offset) {
  if (byte_at(text, offset) < 0x80) return CodePoint{byte_at(text, offset), 1};
  utf8proc_int32_t value = 0;
  const auto length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + offset),
                       static_cast<utf8proc_ssize_t>(text.size() - offset), &value);
  if (length <= 0) return std::nullopt;
  return CodePoint{static_cast<char32_t>(value), static_cast<std::size_t>(length)};
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto character = decode_utf8(text, at);
    if (!character) return at;
    at += character->length;
  }
  return std::nullopt;
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto character = decode_utf8(bytes, at);
    const std::size_t length = character ? character->length : piece_length(bytes, at);
    text += character ? bytes.substr(at, length) : std::string_view("\xEF\xBF\xBD");
    at += length;
  }
  return text;
}

void require_utf8(std::string_view text, std::string_view where) {
  const auto at = find_invalid_utf8(text);
  if (!at) return;
  throw DataError(message(where, ": the text is not valid UTF-8\n  byte ", int{byte_at(text, *at)},
                          " at offset ", *at, ", in: ", excerpt(text, *at)));
}

CodePoint code_point_at(std::string_view text, std::size_t at) {
  return decode_utf8(text, at).value_or(CodePoint{0xFFFD, 1});
}

std::size_t character_start(std::string_view text, std::size_t offset) {
  const std::size_t lowest = offset < 3 ? 0 : offset - 3;
  while (offset > lowest && is_continuation(text[offset])) --offset;
  return offset;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += code_point_at(text, at).length) ++count;
  return count;
}

int column_width(char32_t value) {
  return utf8proc_charwidth(static_cast<utf8proc_int32_t>(value));
}

void append_utf8(std::string& text, char32_t value) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(value), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

std::string shortened(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  return std::string(text.substr(0, character_start(text, limit))) + "...";
}

std::string excerpt(std::string_view text, std::size_t offset, std::size_t limit) {
  std::size_t begin = 0, end = text.size();
  if (text.size() > limit) {
    begin = offset > limit / 2 ? std::min(offset - limit / 2, text.size() - limit) : 0;
    end = begin + limit;
    while (begin > 0 && begin < end && is_continuation(text[begin])) ++begin;
    while (end < text.size() && end > begin && is_continuation(text[end])) --end;
  }
  std::string shown = begin > 0 ? "\"..." : "\"";
  for (const char c : to_valid_utf8(text.substr(begin, end - begin))) {
    if (c == '\n')
      shown += "\\n";
    else if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F)
      shown += ' ';
    else
      shown += c;
  }
  return shown + (end < text.size() ? "...\"" : "\"");
}

}  // namespace lldm
