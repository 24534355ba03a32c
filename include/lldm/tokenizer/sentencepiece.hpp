// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"

namespace lldm {

/// A SentencePiece model file (tokenizer.model of Llama 2, SMDM, T5 ...): unigram, BPE, words or
/// characters, with byte fallback, user-defined and unused pieces.
///
/// Ids and texts are those of the library (0.2).  Its control pieces (<s>, </s>) come from
/// SpecialText::recognise alone, which cuts the text at them; each part between is encoded like a
/// text of its own.  Tokens that the file lacks (a mask) stand behind its pieces.  Decoding writes
/// the unknown piece as the file's surface for it, " \u2047 ".
///
/// Threads  safe to share.
/// Tests    golden/tokenizer_test.cpp, golden/tokenizer_sentencepiece_test.cpp,
///          unit/tokenizer/sentencepiece_test.cpp
class SentencePieceTokenizer final : public Tokenizer {
 public:
  struct Settings {
    SpecialNames special = {};  // `own_names` of a file are its defaults
    MissingSpecial missing_special = MissingSpecial::refuse;
    /// Tokens behind the pieces, in order; special names that are missing come behind them.
    std::vector<std::string> added = {};
  };
  static constexpr std::string_view name() { return "sentencepiece"; }
  static constexpr std::string_view description() { return "SentencePiece model file"; }

  /// Errors  DataError "file: what is wrong".
  static SentencePieceTokenizer read(const std::filesystem::path& file, const Settings& settings);
  /// The same from the file's bytes; `file` is its name in messages.
  static SentencePieceTokenizer from_bytes(std::string bytes, const Settings& settings,
                                           const std::string& file = "tokenizer.model");

  /// The file's own pieces for end of text, begin of text and padding, where it has them.
  static SpecialNames own_names(std::string_view bytes, const std::string& file);

  [[nodiscard]] std::vector<std::int64_t> encode(
      std::string_view text, SpecialText special = SpecialText::plain) const override;
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids,
                                   bool skip_special = true) const override;
  [[nodiscard]] std::int64_t vocabulary_size() const override;
  [[nodiscard]] const SpecialTokens& special() const override;
  [[nodiscard]] std::string_view type() const override { return name(); }
  /// Writes tokenizer.model (the bytes as read) and lldm_tokenizer.json.
  void save(const std::filesystem::path& folder) const override;
  [[nodiscard]] std::string fingerprint() const override;

 private:
  struct State;
  explicit SentencePieceTokenizer(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace lldm
