// SPDX-License-Identifier: MIT
#include "lldm/text/utf8.hpp"

#include <algorithm>
#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

struct Sequence {
  std::size_t length;  // bytes that belong together
  bool is_valid;
};

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

/// The sequence at `at`: a character, or the maximal piece of an ill-formed one.
Sequence sequence_at(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at);
  if (first < 0x80) return {1, true};
  if (first < 0xC2 || first > 0xF4) return {1, false};
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint8_t low = 0x80, high = 0xBF;  // of the second byte
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= text.size()) return {i, false};
    const std::uint8_t byte = byte_at(text, at + i);
    if (byte < low || byte > high) return {i, false};
    low = 0x80, high = 0xBF;
  }
  return {length, true};
}

bool is_continuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80; }

/// Offset of the first byte that is not part of a character, or npos.
std::size_t first_invalid_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (byte_at(text, at) < 0x80) {
      ++at;
      continue;
    }
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.is_valid) return at;
    at += sequence.length;
  }
  return std::string_view::npos;
}

}  // namespace

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Sequence sequence = sequence_at(bytes, at);
    if (sequence.is_valid)
      text += bytes.substr(at, sequence.length);
    else
      text += "\xEF\xBF\xBD";
    at += sequence.length;
  }
  return text;
}

void require_utf8(std::string_view text, std::string_view where) {
  const std::size_t at = first_invalid_byte(text);
  if (at == std::string_view::npos) return;
  throw DataError(message(where, ": the text is not valid UTF-8\n  byte ", int{byte_at(text, at)},
                          " at offset ", at, ", in: ", excerpt(text, at)));
}

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const char32_t first = byte_at(text, at);
  if (first < 0x80) return {first, 1};
  const auto next = [&](std::size_t i) { return char32_t{byte_at(text, at + i)} & 0x3F; };
  if (first < 0xE0) return {(first & 0x1F) << 6 | next(1), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | next(1) << 6 | next(2), 3};
  return {(first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4};
}

void append_utf8(std::string& text, char32_t value) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6), put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12), put(0x80 | (value >> 6 & 0x3F)), put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18), put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F)), put(0x80 | (value & 0x3F));
  }
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
