// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/piece_cache.hpp"
#include "tokenizer/seams.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// BPE that starts from one symbol a character, as in SentencePiece (Llama 2) and in the first BPE
/// tokenizers; what has no symbol becomes its bytes' tokens, the unknown token, or nothing.
///
/// Source  huggingface/tokenizers, models/bpe/model.rs, merge_word
class CharacterBpe final : public TokenModel {
 public:
  struct Settings {
    std::string prefix = {};          // before every character but a piece's first (##)
    std::string suffix = {};          // behind a piece's last character (</w>)
    std::int64_t unknown = -1;        // id of the unknown token, -1: none
    bool fuses_unknown = false;       // neighbouring unknown characters are one unknown token
    bool byte_fallback = false;       // "<0x0A>" ... before the unknown token
    bool takes_whole_pieces = false;  // a piece that is a token is not merged (ignore_merges)
  };

  /// `table` must outlive this object.
  CharacterBpe(const TokenTable& table, const std::vector<BpeMerges::Merge>& merges,
               MergeRanks ranks, Settings settings);

  void encode(std::string_view piece, SpecialText mode,
              std::vector<std::int64_t>& ids) const override;
  [[nodiscard]] std::size_t find_missing(std::string_view piece) const override;
  [[nodiscard]] std::int64_t unknown() const override { return settings_.unknown; }

 private:
  /// Id of the symbol of a character that stands where it stands, or -1.
  [[nodiscard]] std::int64_t symbol(std::string_view character, bool is_first, bool is_last,
                                    SpecialText mode) const;
  /// Whether the bytes of a symbol's text all have tokens; they are appended to `symbols`.
  bool append_bytes(std::string_view text, std::vector<std::int32_t>& symbols) const;
  void start(std::string_view piece, SpecialText mode, std::vector<std::int32_t>& symbols) const;
  void merge(std::string_view piece, SpecialText mode, std::vector<std::int32_t>& symbols) const;
  /// Bytes up to the first place that no merge crosses.
  [[nodiscard]] std::size_t first_seam(std::string_view piece) const;
  [[nodiscard]] std::string decorated(std::string_view character, bool is_first,
                                      bool is_last) const;

  const TokenTable& table_;
  BpeMerges merges_;
  Settings settings_;
  std::array<std::int64_t, 256> id_of_byte_ = {};
  std::array<std::int64_t, 128> id_of_ascii_ = {};
  bool has_seams_ = false;
  Seams seams_;
  std::unique_ptr<PieceCache> cache_;
};

}  // namespace lldm
