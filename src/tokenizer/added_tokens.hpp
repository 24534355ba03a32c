// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/text_matcher.hpp"
#include "tokenizer/unicode_additions.hpp"

namespace lldm {

/// One entry of `added_tokens`.
struct AddedToken {
  std::int64_t id = -1;
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space behind it along
  bool normalized = false;   // looked for in normalised text
  bool special = false;      // a control token: SpecialText::plain never gives it
};

/// Finds added tokens in text as the reference does (huggingface/tokenizers, added_vocabulary.rs):
/// leftmost, then longest; tokens with `normalized` in the normalised text, others before.
class AddedTokens {
 public:
  struct Segment {
    std::int64_t id;  // -1: ordinary text
    std::string_view text;
  };
  enum class Stage { before_normalising, after_normalising };

  AddedTokens() = default;
  AddedTokens(const std::vector<AddedToken>& tokens, const Normalizer& normalizer);

  /// Cuts `text` into added tokens and what lies between them.
  [[nodiscard]] std::vector<Segment> split(std::string_view text, Stage stage,
                                           SpecialText special) const;

 private:
  [[nodiscard]] const TextMatcher& matcher(Stage stage, SpecialText special) const {
    return matchers_[stage == Stage::after_normalising][special == SpecialText::recognise];
  }
  [[nodiscard]] bool is_word_character(std::string_view character) const;
  [[nodiscard]] bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) const;

  /// Rust's \w, not that of the file's expressions (Oniguruma's), which has all numbers.
  SplitRegex word_character_{"[" + std::string(kRustWordCharacters) + "]"};
  TextMatcher matchers_[2][2];
  std::map<std::int64_t, AddedToken> by_id_;
};

}  // namespace lldm
