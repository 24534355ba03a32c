// SPDX-License-Identifier: MIT
// White space and the identity of texts.
#pragma once

#include <cstdint>
#include <string_view>

namespace lldm {

/// The text without leading and trailing white space as Python's `str.strip()` sees it:
/// U+0009-000D, 001C-0020, 0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000; not U+200B,
/// U+180E or U+FEFF.
[[nodiscard]] std::string_view trim_white_space(std::string_view text);

/// 64-bit FNV-1a of the parts, each preceded by its length, so that ("ab", "c") and ("a", "bc")
/// differ.
class ContentHash {
 public:
  ContentHash& add(std::string_view part);
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace lldm
