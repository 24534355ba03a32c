// SPDX-License-Identifier: MIT
// The files in which tokenizers are published.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lldm {

enum class TokenizerFile {
  tokenizer_json,
  vocab_and_merges,
  tekken,
  tiktoken,
  sentencepiece,
  vocab_txt
};

/// What a file is, by its name and, where two kinds share a name (tokenizer.model), its first byte.
[[nodiscard]] TokenizerFile kind_of_file(const std::filesystem::path& file);

/// The file of a folder from which its tokenizer is read, the most exact first: tokenizer.json,
/// vocab.json (with merges.txt), tekken.json, tokenizer.model, vocab.txt, the only *.tiktoken;
/// none: nullopt.
[[nodiscard]] std::optional<std::filesystem::path> find_tokenizer_file(
    const std::filesystem::path& folder);

/// The names that `find_tokenizer_file` looks for, for messages.
inline constexpr std::string_view kTokenizerFiles =
    "tokenizer.json, vocab.json with merges.txt, tekken.json, tokenizer.model, vocab.txt, "
    "*.tiktoken";

/// A file as the text of a tokenizer.json.
struct TokenizerSource {
  std::string json;
  bool ranks_by_result = false;
};

/// Reads any kind but sentencepiece.  `pattern`: of a rank file, see tokenizer/tiktoken.hpp.
///
/// Errors  DataError; also for a `pattern` beside a file that has its own.
[[nodiscard]] TokenizerSource read_tokenizer_source(const std::filesystem::path& file,
                                                    std::string_view pattern);

}  // namespace lldm
