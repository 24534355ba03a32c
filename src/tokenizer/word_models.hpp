// SPDX-License-Identifier: MIT
// The two models that look words up.
#pragma once

#include <cstdint>
#include <string>

#include "tokenizer/token_model.hpp"

namespace lldm {

/// WordLevel: a piece is a token or unknown.
class WordLevel final : public TokenModel {
 public:
  /// `unknown`: id, -1 for none.  `table` must outlive this object.
  WordLevel(const TokenTable& table, std::int64_t unknown) : table_(table), unknown_(unknown) {}
  void encode(std::string_view piece, SpecialText mode,
              std::vector<std::int64_t>& ids) const override;
  [[nodiscard]] std::int64_t unknown() const override { return unknown_; }

 private:
  const TokenTable& table_;
  std::int64_t unknown_;
};

/// WordPiece: the longest token that a piece begins with, then the longest (with the prefix) that
/// the rest begins with, and so on; a piece for which that fails is unknown as a whole.
///
/// Source  Devlin et al. 2018, tokenization.py; huggingface/tokenizers, models/wordpiece/mod.rs
class WordPiece final : public TokenModel {
 public:
  WordPiece(const TokenTable& table, std::int64_t unknown, std::string prefix,
            std::int64_t max_characters)
      : table_(table),
        unknown_(unknown),
        prefix_(std::move(prefix)),
        max_characters_(max_characters) {}
  void encode(std::string_view piece, SpecialText mode,
              std::vector<std::int64_t>& ids) const override;
  [[nodiscard]] std::int64_t unknown() const override { return unknown_; }

 private:
  bool encode_known(std::string_view piece, SpecialText mode, std::vector<std::int64_t>& ids) const;

  const TokenTable& table_;
  std::int64_t unknown_;
  std::string prefix_;
  std::int64_t max_characters_;
};

}  // namespace lldm
