// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace lldm {

/// vocab.json and merges.txt of `folder` as the tokenizer.json that means the same, as Hugging Face
/// converts them: `tokenizer_class` of tokenizer_config.json says how text is cut (GPT-2's without
/// it), added_tokens.json names tokens beyond the vocabulary.
///
/// Errors  DataError for a class whose way is not known, and for what is wrong in the files.
[[nodiscard]] std::string vocab_merges_as_json(const std::filesystem::path& folder);

}  // namespace lldm
