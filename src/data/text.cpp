// SPDX-License-Identifier: MIT
#include "lldm/data/text.hpp"

#include <algorithm>
#include <array>

#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

bool is_white_space(char32_t c) {
  static constexpr std::array<char32_t, 8> single = {0x85,   0xA0,   0x1680, 0x2028,
                                                     0x2029, 0x202F, 0x205F, 0x3000};
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || (c >= 0x2000 && c <= 0x200A) ||
         std::find(single.begin(), single.end(), c) != single.end();
}

}  // namespace

std::string_view trim_white_space(std::string_view text) {
  while (!text.empty()) {
    const auto first = decode_utf8(text, 0);
    if (!first || !is_white_space(first->value)) break;
    text.remove_prefix(first->length);
  }
  while (!text.empty()) {
    const std::size_t start = character_start(text, text.size() - 1);
    const auto last = decode_utf8(text, start);
    if (!last || last->length != text.size() - start || !is_white_space(last->value)) break;
    text.remove_suffix(last->length);
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
