// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace lldm {

/// A tiktoken rank file (lines of base64 and rank) as a tokenizer.json of the same tokens; all
/// merges that give a token are there, which needs `TokenizerJson::Settings::ranks_by_result`.
///
/// The file has no expression and no special tokens: `pattern` is an expression or the name of one
/// (tokenizer/patterns.hpp); special tokens are added behind the last id by name.
///
/// Errors  DataError "file:line: ..." for what is no rank file, and if `pattern` is empty.
[[nodiscard]] std::string tiktoken_as_json(std::string_view text, const std::string& file,
                                           std::string_view pattern);

/// Mistral's tekken.json likewise: its own expression, its special tokens before all others.
/// Errors  DataError naming the JSON path.
[[nodiscard]] std::string tekken_as_json(std::string_view text, const std::string& file);

}  // namespace lldm
