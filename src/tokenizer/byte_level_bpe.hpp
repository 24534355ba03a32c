// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/piece_cache.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// Byte-level BPE: starts from one symbol a byte of the piece as it stands, without the alphabet.
class ByteLevelBpe final : public TokenModel {
 public:
  static constexpr std::int32_t kNoSymbol = -1;

  /// `symbol_of_byte`: id of each byte's symbol, `kNoSymbol` where the vocabulary lacks it.
  /// `whole`: pieces that are one token without merging (`ignore_merges`); may be empty.
  ByteLevelBpe(const std::array<std::int32_t, 256>& symbol_of_byte, BpeMerges merges,
               TextMap<std::int32_t> whole);

  /// Bytes without a symbol are left out.
  void encode(std::string_view piece, SpecialText mode,
              std::vector<std::int64_t>& ids) const override;
  [[nodiscard]] std::size_t find_missing(std::string_view piece) const override;
  [[nodiscard]] PieceText reads() const override { return PieceText::bytes; }

 private:
  void merge(std::string_view piece, std::vector<std::int32_t>& symbols) const;

  std::array<std::int32_t, 256> symbol_of_byte_;
  bool has_all_symbols_;
  BpeMerges merges_;
  TextMap<std::int32_t> whole_;
  std::unique_ptr<PieceCache> cache_;
};

}  // namespace lldm
