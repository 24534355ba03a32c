// SPDX-License-Identifier: MIT
// What the files of a Hugging Face folder say of its special tokens.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {

/// A folder's tokenizer and the names that its other files give to special tokens.
struct FolderTokens {
  std::string tokenizer_json;  // as given, with the tokens that only added_tokens_decoder has
  SpecialNames names = {};
};

/// Reads special_tokens_map.json, tokenizer_config.json and config.json beside `tokenizer_file`,
/// each where it is there; `tokenizer_json` is that file, as the text of a tokenizer.json.
///
/// A role's token may be named by any of them; those that name it must agree.  eos_token_id may be
/// a list: the named end of text must be in it, the first one counts where none is named.
/// A mask that config.json has (SMDM's is its last row) right behind the ids of `tokenizer_file`,
/// and that no file names, joins the tokenizer as "<|mask|>".
/// A role for which `asked` holds a text is not looked at: the caller has its own.
/// Errors  DataError: a contradiction (both files, both values), an id without a token, bad JSON.
[[nodiscard]] FolderTokens read_folder_tokens(const std::filesystem::path& tokenizer_file,
                                              std::string tokenizer_json,
                                              const SpecialNames& asked = {});

/// DataError if the config.json of `folder` names other ids than `special`, which `source` (a file
/// of the same folder) has.
void check_config_ids(const std::filesystem::path& folder, const std::string& source,
                      const SpecialNames& names, const SpecialTokens& special);

}  // namespace lldm
