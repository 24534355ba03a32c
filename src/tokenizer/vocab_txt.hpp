// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace lldm {

/// BERT's vocab.txt (one token a line, its number from 0 the id) as the tokenizer.json that means
/// the same, as Hugging Face converts it: do_lower_case, strip_accents and tokenize_chinese_chars
/// of tokenizer_config.json say how text is normalised (true, as do_lower_case, true without them).
///
/// Errors  DataError for a class that reads such a file in another way, a token that stands twice,
///         a special token that is not in the file, and text that is not UTF-8.
[[nodiscard]] std::string vocab_txt_as_json(const std::filesystem::path& file);

}  // namespace lldm
