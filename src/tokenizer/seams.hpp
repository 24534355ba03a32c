// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string_view>

#include "lldm/text/utf8.hpp"

namespace lldm {

/// Places between two characters that no token of a vocabulary covers: merging never crosses them,
/// so what lies between can be merged by itself, and kept.  Known for ASCII and SentencePiece's
/// space (U+2581), which is where words meet.
class Seams {
 public:
  /// All characters that stand side by side in `token` are no seam.
  void add_token(std::string_view token) {
    std::optional<std::size_t> left;
    for (std::size_t at = 0; at < token.size();) {
      const CodePoint c = code_point_at(token, at);
      const auto right = index_of(c.value);
      if (left && right) joined_[*left].set(*right);
      left = right;
      at += c.length;
    }
  }
  /// Whether nothing covers both characters.
  [[nodiscard]] bool is_seam(char32_t left, char32_t right) const {
    const auto a = index_of(left), b = index_of(right);
    return a && b && !joined_[*a].test(*b);
  }
  /// Bytes up to the first seam for which the character before it, `holds(begin, length)`,
  /// will do; all of a text without one.
  template <class Holds>
  [[nodiscard]] std::size_t first(std::string_view text, const Holds& holds) const {
    if (text.empty()) return 0;
    CodePoint left = code_point_at(text, 0);
    for (std::size_t at = left.length; at < text.size();) {
      const CodePoint right = code_point_at(text, at);
      if (is_seam(left.value, right.value) && holds(at - left.length, left.length)) return at;
      left = right;
      at += right.length;
    }
    return text.size();
  }
  [[nodiscard]] std::size_t first(std::string_view text) const {
    return first(text, [](std::size_t, std::size_t) { return true; });
  }

 private:
  static constexpr std::size_t kCount = 129;
  static constexpr std::optional<std::size_t> index_of(char32_t c) {
    if (c < 128) return c;
    return c == 0x2581 ? std::optional<std::size_t>(128) : std::nullopt;
  }
  std::array<std::bitset<kCount>, kCount> joined_ = {};
};

}  // namespace lldm
