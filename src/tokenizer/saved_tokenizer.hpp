// SPDX-License-Identifier: MIT
// lldm_tokenizer.json: what a model folder says about its tokenizer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lldm/tokenizer/special_names.hpp"
#include "text/json.hpp"

namespace lldm {

inline constexpr std::string_view kSavedTokenizer = "lldm_tokenizer.json";

/// {"format": 1, "type": type, "special": {role: {"token": text, "id": id}}}; a class adds its own
/// keys.
[[nodiscard]] nlohmann::json saved_tokenizer(std::string_view type, const SpecialNames& names,
                                             const SpecialTokens& ids);

/// The names of a saved file; checks its format and its keys (those above and `more`).
[[nodiscard]] SpecialNames read_saved_names(const JsonView& saved,
                                            std::initializer_list<std::string_view> more);

/// DataError unless the tokenizer that was built has the ids the file holds.
void check_saved_ids(const JsonView& saved, const SpecialTokens& ids);

/// Text of a saved file as it is written and hashed.
[[nodiscard]] std::string saved_text(const nlohmann::json& saved);

}  // namespace lldm
