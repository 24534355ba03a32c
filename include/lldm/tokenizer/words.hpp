// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {

/// Cuts valid UTF-8 into words: the rule of the "words" tokenizer.
///
///   number   a run of decimal digits:                                  12
///   word     letters and marks, with single apostrophes between them:  apple, Tom's
///   newline  "\n", one token each
///   run      one or more of the same of  # * = - . ~ < >  :            ####, ...
///   other    any other character that is not white space, alone:       , ( ) $ %
///
/// White space other than "\n" only separates.  The views point into `text`.
void split_words(std::string_view text, std::vector<std::string_view>& words);

/// One id per word of a vocabulary made from data, most frequent first, then special tokens in the
/// order of `kSpecialRoles`.
///
/// Decoding joins tokens with single spaces, none beside a newline: `decode(encode(text))` is
/// `text` with canonical spacing ("12 apples." -> "12 apples ."), and encoding that gives the same
/// ids again.
///
/// Threads  safe to share.
class WordsTokenizer final : public Tokenizer {
 public:
  struct Settings {
    SpecialNames special = {};
    std::int64_t min_count = 1;  // words seen less often are left out, and refused by `encode`
  };
  static constexpr std::string_view name() { return "words"; }
  static constexpr std::string_view description() {
    return "one token per word of a vocabulary made from the data, numbers as whole words";
  }

  /// The vocabulary of `texts`: by falling count, ties by bytes, so that it does not depend on the
  /// order of the texts.
  ///
  /// Errors  DataError if a text is not UTF-8, no word is left, or a special token is also a word.
  static WordsTokenizer build(std::span<const std::string> texts, const Settings& settings);
  /// A tokenizer with exactly these words (each what `split_words` gives as one word), ids in
  /// order.
  WordsTokenizer(std::vector<std::string> words, const SpecialNames& special);

  /// DataError on a word outside the vocabulary, naming it, the nearest words and the text.
  [[nodiscard]] std::vector<std::int64_t> encode(
      std::string_view text, SpecialText special = SpecialText::plain) const override;
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids,
                                   bool skip_special = true) const override;
  [[nodiscard]] std::int64_t vocabulary_size() const override;
  [[nodiscard]] const SpecialTokens& special() const override;
  [[nodiscard]] std::string_view type() const override { return name(); }
  void save(const std::filesystem::path& folder) const override;
  [[nodiscard]] std::string fingerprint() const override;

  /// The ordinary words, by id.
  [[nodiscard]] std::span<const std::string> words() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace lldm
