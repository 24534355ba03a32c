// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/added_tokens.hpp"
#include "tokenizer/byte_level_bpe.hpp"

namespace lldm {

/// Text -> id of every token of a file, ids 0 .. size-1 without holes.
struct TokenTable {
  std::vector<std::string> text_of_id;
  std::unordered_map<std::string, std::int64_t> id_of_text;
  [[nodiscard]] std::int64_t find(const std::string& text) const {
    const auto found = id_of_text.find(text);
    return found == id_of_text.end() ? -1 : found->second;
  }
};

/// Checks what belongs to no part: version, truncation, padding, decoder, unknown keys.
void check_tokenizer_json(const JsonView& root);

/// `model.vocab`: unique ids from 0 upwards, no holes.
[[nodiscard]] TokenTable read_vocabulary(const JsonView& model);

/// `model` without its vocabulary.  The table must hold the vocabulary alone.
[[nodiscard]] ByteLevelBpe read_byte_level_bpe(const JsonView& model, const TokenTable& table);

/// `added_tokens`.  One that the vocabulary has keeps the vocabulary's id, whatever its `id` says
/// (as in the reference); one that it lacks joins the table and must have the next free id, which
/// is what the reference gives it.
[[nodiscard]] std::vector<AddedToken> read_added_tokens(const JsonView& root, TokenTable& table);

/// Ids that a TemplateProcessing puts before and behind a single text.
struct TemplateTokens {
  std::vector<std::int64_t> before, behind;
};
[[nodiscard]] TemplateTokens read_post_processor(const JsonView& root, const TokenTable& table);

}  // namespace lldm
