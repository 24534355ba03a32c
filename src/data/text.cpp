// SPDX-License-Identifier: MIT
#include "lldm/data/text.hpp"

#include <algorithm>
#include <array>

namespace lldm {
namespace {

constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

struct Decoded {
  char32_t code_point;
  std::size_t bytes;  // 0 if the bytes at this place are not well-formed
};

// Table 3-7 of the Unicode Standard: legal ranges of the second byte depend on the first.
Decoded decode_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return {static_cast<char32_t>(first), 1};
  if (first >= 0xC2 && first <= 0xDF)
    return {static_cast<char32_t>(((first & 0x1Fu) << 6) | (byte(1) & 0x3Fu)), tail(1) ? 2u : 0u};
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    const bool is_good = byte(1) >= low && byte(1) <= high && tail(2);
    return {static_cast<char32_t>(((first & 0x0Fu) << 12) | ((byte(1) & 0x3Fu) << 6) |
                                  (byte(2) & 0x3Fu)),
            is_good ? 3u : 0u};
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    const bool is_good = byte(1) >= low && byte(1) <= high && tail(2) && tail(3);
    return {static_cast<char32_t>(((first & 0x07u) << 18) | ((byte(1) & 0x3Fu) << 12) |
                                  ((byte(2) & 0x3Fu) << 6) | (byte(3) & 0x3Fu)),
            is_good ? 4u : 0u};
  }
  return {0, 0};
}

bool is_white_space(char32_t c) {
  static constexpr std::array<char32_t, 8> single = {0x85,   0xA0,   0x1680, 0x2028,
                                                     0x2029, 0x202F, 0x205F, 0x3000};
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || (c >= 0x2000 && c <= 0x200A) ||
         std::find(single.begin(), single.end(), c) != single.end();
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode_at(text, at);
    if (decoded.bytes == 0) return at;
    at += decoded.bytes;
  }
  return std::nullopt;
}

std::string_view trim_white_space(std::string_view text) {
  while (!text.empty()) {
    const auto first = decode_at(text, 0);
    if (first.bytes == 0 || !is_white_space(first.code_point)) break;
    text.remove_prefix(first.bytes);
  }
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 &&
           (static_cast<unsigned char>(text[start]) & 0xC0u) == 0x80u)
      --start;
    const auto last = decode_at(text, start);
    if (last.bytes != text.size() - start || !is_white_space(last.code_point)) break;
    text.remove_suffix(last.bytes);
  }
  return text;
}

ContentHash& ContentHash::add(std::string_view part) {
  const auto mix = [&](unsigned char byte) { value_ = (value_ ^ byte) * kFnvPrime; };
  for (std::uint64_t size = part.size(), i = 0; i < 8; ++i)
    mix(static_cast<unsigned char>(size >> (8 * i)));
  for (const char c : part) mix(static_cast<unsigned char>(c));
  return *this;
}

}  // namespace lldm
