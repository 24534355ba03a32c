// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "tokenizer/byte_trie.hpp"
#include "tokenizer/piece_cache.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// Unigram: the cut of a piece into tokens with the largest sum of scores (Viterbi, float64; of
/// equal sums the one found first).  A character that no token covers costs the least score minus
/// 10; neighbours without a token are one unknown token, or their bytes' tokens.
///
/// Source  Kudo 2018, arXiv:1804.10959; huggingface/tokenizers, models/unigram/model.rs
class Unigram final : public TokenModel {
 public:
  /// `scores`: log-probabilities by id.  `unknown`: id, -1 for none.  `table` must outlive this.
  Unigram(const TokenTable& table, std::vector<double> scores, std::int64_t unknown,
          bool byte_fallback);

  void encode(std::string_view piece, SpecialText mode,
              std::vector<std::int64_t>& ids) const override;
  [[nodiscard]] std::int64_t unknown() const override { return unknown_; }

 private:
  void cut(std::string_view piece, SpecialText mode, std::vector<std::int32_t>& ids) const;
  void put_unknown(std::string_view text, std::vector<std::int32_t>& ids) const;

  const TokenTable& table_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  std::int64_t unknown_;
  bool byte_fallback_;
  std::array<std::int32_t, 256> id_of_byte_ = {};
  ByteTrie trie_;
  std::unique_ptr<PieceCache> cache_;
};

}  // namespace lldm
