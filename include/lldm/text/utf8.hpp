// SPDX-License-Identifier: MIT
// UTF-8: checking what comes in, repairing what comes out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lldm {

/// Byte offset of the first byte that is not part of well-formed UTF-8 (Unicode 16, table 3-7: no
/// surrogates, no overlong forms, at most U+10FFFF); nothing if all is well.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// The bytes as valid UTF-8: every maximal piece of an ill-formed sequence becomes one U+FFFD
/// (Unicode 16, section 3.9; what Rust's from_utf8_lossy and Python's errors="replace" do).
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

/// Checks that `text` is well-formed UTF-8.
///
/// Errors  DataError naming `where`, the first bad byte and its offset.
void require_utf8(std::string_view text, std::string_view where);

/// One character and the number of bytes it takes.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
};

/// The character that begins at `offset`; nothing where the bytes there are ill-formed.
[[nodiscard]] std::optional<CodePoint> decode_utf8(std::string_view text, std::size_t offset);

/// The character that begins at `offset`, which must be the start of one in valid UTF-8.
[[nodiscard]] CodePoint code_point_at(std::string_view valid_text, std::size_t offset);

/// Start of the character that holds the byte at `offset`: at most 3 bytes before it.
[[nodiscard]] std::size_t character_start(std::string_view text, std::size_t offset);

/// Characters of a text; every ill-formed byte counts as one.
[[nodiscard]] std::size_t count_characters(std::string_view text);

/// Columns of a terminal that a character takes: 0, 1 or 2.
[[nodiscard]] int column_width(char32_t value);

/// Appends the UTF-8 form of a Unicode scalar value.
void append_utf8(std::string& text, char32_t value);

/// The text, or its first `limit` bytes at most, cut between characters, and "...".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit);

/// At most `limit` bytes of valid UTF-8 around `offset`, cut between characters, with "..." where
/// something was left out and control characters escaped: for error messages.
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t offset,
                                  std::size_t limit = 120);

}  // namespace lldm
