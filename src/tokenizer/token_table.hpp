// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/added_tokens.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// The largest id that a file may name.
inline constexpr std::int64_t kMaxTokenId = (std::int64_t{1} << 31) - 2;

/// A token as error messages show it.
[[nodiscard]] std::string quoted_token(const std::string& token);

/// `model.vocab`: an object of ids (unique, from 0 upwards, no holes) or a list of [token, score].
[[nodiscard]] TokenTable read_vocabulary(const JsonView& model);

/// `added_tokens`.  One that the vocabulary has keeps the vocabulary's id, whatever its `id` says
/// (as in the reference); one that it lacks joins the table and must have the next free id, which
/// is what the reference gives it.
[[nodiscard]] std::vector<AddedToken> read_added_tokens(const JsonView& root, TokenTable& table);

}  // namespace lldm
