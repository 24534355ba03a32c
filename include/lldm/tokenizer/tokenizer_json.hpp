// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <type_traits>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/field.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {

/// What happens to a byte for which a vocabulary has no symbol (and there is no unknown token).
enum class MissingSymbol {
  refuse,  // encode: DataError
  drop,    // left out, as the reference does
};
constexpr auto choices(std::type_identity<MissingSymbol>) {
  return std::array{Choice<MissingSymbol>{"refuse", MissingSymbol::refuse},
                    Choice<MissingSymbol>{"drop", MissingSymbol::drop}};
}

/// What happens when a special token that is asked for by name is not in the file.
enum class MissingSpecial {
  refuse,  // DataError with the nearest names
  add,     // it becomes an added token behind the last id
};

/// A Hugging Face `tokenizer.json`: GPT-2, GPT-NeoX, LLaDA, Dream, Qwen, Llama, BERT, T5 ...
///
/// Read: models BPE (byte-level or by characters, byte_fallback, ignore_merges; merges as strings
/// or pairs), WordLevel, WordPiece, Unigram; added_tokens with all flags; the normalizers,
/// pre-tokenizers, post-processors and decoders of docs/tokenizers.md, alone and in a Sequence; no
/// decoder, which joins tokens by spaces as the reference does.  Anything else is a DataError
/// naming the JSON path: no key is skipped.  Expressions: src/tokenizer/regex_dialect.hpp.
///
/// Special tokens are looked up by their text.  A role's token is a control token even where the
/// file does not say so: encode with SpecialText::plain never gives it.  The file's unknown token
/// is not one of them: it stands for what the vocabulary lacks.  Decoding follows the reference,
/// with invalid UTF-8 as U+FFFD; an added token's text passes the decoder too, so under ByteLevel
/// one with characters of Latin-1 beyond ASCII comes out as bytes.
///
/// Threads  safe to share.
/// Tests    golden/tokenizer_test.cpp, golden/tokenizer_kinds_test.cpp,
///          unit/tokenizer/tokenizer_json_test.cpp
class TokenizerJson final : public Tokenizer {
 public:
  struct Settings {
    SpecialNames special = {};
    MissingSpecial missing_special = MissingSpecial::refuse;
    MissingSymbol missing_symbol = MissingSymbol::refuse;
    /// The merges of a BPE that give the same token have one rank: the rule of tiktoken, for a file
    /// that was made from its ranks.
    bool ranks_by_result = false;
  };
  static constexpr std::string_view name() { return "tokenizer_json"; }
  static constexpr std::string_view description() {
    return "Hugging Face tokenizer.json, or a folder of another kind that means the same";
  }

  /// Errors  DataError "file: JSON path: what is wrong".
  static TokenizerJson read(const std::filesystem::path& file, const Settings& settings);
  /// The same from the file's text; `file` is its name in messages.
  static TokenizerJson from_text(std::string text, const Settings& settings,
                                 const std::string& file = "tokenizer.json");

  [[nodiscard]] std::vector<std::int64_t> encode(
      std::string_view text, SpecialText special = SpecialText::plain) const override;
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids,
                                   bool skip_special = true) const override;
  [[nodiscard]] std::int64_t vocabulary_size() const override;
  [[nodiscard]] const SpecialTokens& special() const override;
  [[nodiscard]] std::string_view type() const override { return name(); }
  /// Writes tokenizer.json (the text as read, with the special tokens that were added) and
  /// lldm_tokenizer.json.
  void save(const std::filesystem::path& folder) const override;
  [[nodiscard]] std::string fingerprint() const override;

  /// The ids with what the file's post_processor puts around a single text (its
  /// add_special_tokens = true); without a TemplateProcessing the ids as they are.
  [[nodiscard]] std::vector<std::int64_t> add_template_tokens(
      std::span<const std::int64_t> ids) const;
  /// Id of a token by its text in the file, or -1.
  [[nodiscard]] std::int64_t id_of(std::string_view token) const;

 private:
  struct State;
  explicit TokenizerJson(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace lldm
