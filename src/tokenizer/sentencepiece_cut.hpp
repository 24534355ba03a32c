// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/byte_trie.hpp"
#include "tokenizer/piece_cache.hpp"
#include "tokenizer/seams.hpp"
#include "tokenizer/sentencepiece_model.hpp"

namespace lldm {

/// A text as SentencePiece cuts it: normalised, then pieces by the kind of model.
///
/// Source  google/sentencepiece: normalizer.cc, bpe_model.cc, unigram_model.cc (EncodeOptimized),
///         model_interface.cc, sentencepiece_processor.cc
class SentencePieceCutter {
 public:
  /// `model` must outlive this object.
  explicit SentencePieceCutter(const SentencePieceModel& model);

  /// Appends the ids of a text.  No control piece is ever among them.
  void encode(std::string_view valid_utf8, std::vector<std::int64_t>& ids) const;
  [[nodiscard]] std::string normalized(std::string_view valid_utf8) const;

 private:
  using Cut = std::vector<std::pair<std::string_view, std::int32_t>>;  // pieces and their ids
  /// What the text's beginning becomes, and how many bytes of it that takes.
  [[nodiscard]] std::pair<std::string_view, std::size_t> normalized_prefix(
      std::string_view text) const;
  /// Bytes of the user-defined piece, or else of the character, that the text begins with.
  [[nodiscard]] std::size_t unit_length(std::string_view text, bool& is_user_defined) const;
  void cut_bpe(std::string_view text, Cut& cut) const;
  void cut_unigram(std::string_view text, Cut& cut) const;
  void cut_words(std::string_view text, Cut& cut) const;
  void cut_characters(std::string_view text, Cut& cut) const;

  /// Appends the ids of neighbouring pieces; `after_unknown` says what stood before and is updated.
  void put(const Cut& cut, bool& after_unknown, std::vector<std::int64_t>& ids) const;
  void encode_bpe(std::string_view text, std::vector<std::int64_t>& ids) const;

  const SentencePieceModel& model_;
  ByteTrie user_defined_;
  ByteTrie trie_;  // unigram: normal and user-defined pieces
  Seams seams_;    // bpe
  std::unique_ptr<PieceCache> cache_;
  float least_score_ = 0, largest_score_ = 0;
};

}  // namespace lldm
