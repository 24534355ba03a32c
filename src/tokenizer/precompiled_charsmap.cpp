// SPDX-License-Identifier: MIT
#include "tokenizer/precompiled_charsmap.hpp"

#include <utf8proc.h>

#include <array>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::uint32_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

// One unit of the double array (darts-clone).
constexpr std::uint32_t label_of(std::uint32_t unit) { return unit & (1U << 31 | 0xFF); }
constexpr std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 1U << 9) >> 6);
}
constexpr bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
constexpr std::uint32_t value_of(std::uint32_t unit) { return unit & ~(1U << 31); }

constexpr std::array<std::int8_t, 256> base64_digits() {
  std::array<std::int8_t, 256> digits = {};
  digits.fill(-1);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return digits;
}

}  // namespace

std::string decode_base64(std::string_view text) {
  static constexpr auto kDigits = base64_digits();
  if (text.size() % 4 != 0) throw DataError("no base64: its length is not a multiple of 4");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t padding = at + 4 < text.size()  ? 0
                                : text[at + 3] != '=' ? 0
                                : text[at + 2] != '=' ? 1
                                                      : 2;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int digit = i < 4 - padding ? kDigits[static_cast<std::uint8_t>(text[at + i])] : 0;
      if (digit < 0) throw DataError(message("no base64: wrong character at offset ", at + i));
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    for (std::size_t i = 0; i < 3 - padding; ++i)
      bytes += static_cast<char>(group >> (16 - 8 * i) & 0xFF);
  }
  return bytes;
}

PrecompiledCharsmap::PrecompiledCharsmap(std::string_view base64)
    : PrecompiledCharsmap(Bytes{decode_base64(base64)}) {}

PrecompiledCharsmap::PrecompiledCharsmap(const Bytes& given) {
  const std::string& bytes = given.text;
  if (bytes.empty()) return;
  if (bytes.size() < 4) throw DataError("the table of replacements is cut short");
  const std::size_t size = little_endian(bytes, 0);
  if (size % 4 != 0 || size > bytes.size() - 4)
    throw DataError("the table of replacements is cut short");
  for (std::size_t at = 4; at < 4 + size; at += 4) units_.push_back(little_endian(bytes, at));
  replacements_ = bytes.substr(4 + size);
  if (const auto bad = find_invalid_utf8(replacements_))
    throw DataError(message("the replacements are not UTF-8 at offset ", *bad));
}

std::optional<PrecompiledCharsmap::Replacement> PrecompiledCharsmap::find(std::string_view text,
                                                                          Take take) const {
  const auto unit = [&](std::size_t at) { return at < units_.size() ? units_[at] : 0U; };
  std::optional<Replacement> found;
  std::size_t node = offset_of(unit(0));
  for (std::size_t at = 0; at < text.size() && text[at] != '\0'; ++at) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    node ^= byte;
    const std::uint32_t next = unit(node);
    if (label_of(next) != byte) break;
    node ^= offset_of(next);
    if (!has_leaf(next)) continue;
    const std::size_t begin = value_of(unit(node));
    if (begin >= replacements_.size()) break;
    found = {
        at + 1,
        std::string_view(replacements_).substr(begin, replacements_.find('\0', begin) - begin)};
    if (take == Take::shortest) break;
  }
  return found;
}

std::optional<PrecompiledCharsmap::Replacement> PrecompiledCharsmap::longest(
    std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  return find(text, Take::longest);
}

std::string PrecompiledCharsmap::operator()(std::string_view text) const {
  if (units_.empty()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  const auto put = [&](std::string_view chunk) {
    const auto replacement = find(chunk, Take::shortest);
    if (replacement) out += replacement->text;
    return replacement.has_value();
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    utf8proc_int32_t state = 0;
    for (CodePoint c = code_point_at(text, at);;) {
      end += c.length;
      if (end >= text.size()) break;
      const CodePoint next = code_point_at(text, end);
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.value),
                                           static_cast<utf8proc_int32_t>(next.value), &state))
        break;
      c = next;
    }
    if (end - at >= 6 || !put(text.substr(at, end - at)))
      for (std::size_t i = at; i < end;) {
        const std::size_t length = code_point_at(text, i).length;
        if (!put(text.substr(i, length))) out += text.substr(i, length);
        i += length;
      }
    at = end;
  }
  return out;
}

}  // namespace lldm
