// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// SentencePiece's table of replacements (`precompiled_charsmap`): a double-array trie of what is
/// looked for, and the replacements, each ended by a NUL byte.
///
/// Source  google/sentencepiece, normalizer.cc and darts.h; huggingface/spm_precompiled, whose
///         choices operator() follows: the shortest entry that a grapheme (of less than 6 bytes)
///         or a character begins with replaces all of it.
class PrecompiledCharsmap {
 public:
  struct Bytes {
    std::string text;
  };
  struct Replacement {
    std::size_t length;     // of what is replaced
    std::string_view text;  // by what
  };
  /// As SentencePiece's own files have it; empty for a table that changes nothing.
  /// Errors  DataError without a place: cut short.
  explicit PrecompiledCharsmap(const Bytes& bytes);
  /// `base64`: as in tokenizer.json; empty for a table that changes nothing.
  /// Errors  DataError without a place: no base64, or cut short.
  explicit PrecompiledCharsmap(std::string_view base64);

  [[nodiscard]] std::string operator()(std::string_view valid_utf8) const;
  /// The longest entry that a text begins with: SentencePiece's own choice.
  [[nodiscard]] std::optional<Replacement> longest(std::string_view text) const;

 private:
  enum class Take { shortest, longest };
  [[nodiscard]] std::optional<Replacement> find(std::string_view text, Take take) const;
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

/// The bytes of base64 text with padding.  DataError without a place for anything else.
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace lldm
