// SPDX-License-Identifier: MIT
// What a TokenizerJson holds: the parts of its file, made once.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/tokenizer/tokenizer_json.hpp"
#include "text/json.hpp"
#include "tokenizer/added_tokens.hpp"
#include "tokenizer/decoder.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/pieces.hpp"
#include "tokenizer/post_processor.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/token_model.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {

struct TokenizerJson::State {
  std::string json;  // the file's text
  SpecialNames names;
  SpecialTokens special;
  MissingSymbol missing_symbol;
  bool ranks_by_result;
  TokenTable table;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  Decoder decoder;
  AddedTokens added;
  TemplateTokens template_tokens;
  std::unique_ptr<const TokenModel> model;
  std::vector<std::string> text_of_id;  // as the decoder gets it; under ByteLevel its bytes

  State(const JsonView& root, const Settings& settings, const std::string& file);
  void name_special_tokens(std::vector<AddedToken>& tokens, const std::string& file);
  void fill_texts(const std::vector<AddedToken>& tokens);
  void encode_part(std::string_view text, bool is_first, SpecialText mode, Pieces& pieces,
                   std::vector<std::int64_t>& ids) const;
  void check_missing(std::string_view piece, std::string_view text) const;
  void check_no_control(std::string_view piece, std::span<const std::int64_t> ids) const;
  /// Control tokens but the unknown one, which stands for what the vocabulary lacks.
  [[nodiscard]] bool has_control(std::span<const std::int64_t> ids) const {
    return std::ranges::any_of(ids, [&](std::int64_t id) {
      return table.is_control[static_cast<std::size_t>(id)] && id != model->unknown();
    });
  }
};

}  // namespace lldm
