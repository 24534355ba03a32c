// SPDX-License-Identifier: MIT
// From settings or a model folder to a tokenizer.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/tokenizer/special_names.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"

namespace lldm {

enum class TokenizerType { words, bytes, tokenizer_json, sentencepiece };
constexpr auto choices(std::type_identity<TokenizerType>) {
  return std::array{Choice<TokenizerType>{"words", TokenizerType::words},
                    Choice<TokenizerType>{"bytes", TokenizerType::bytes},
                    Choice<TokenizerType>{"tokenizer_json", TokenizerType::tokenizer_json},
                    Choice<TokenizerType>{"sentencepiece", TokenizerType::sentencepiece}};
}

/// The table [tokenizer] of an experiment.  A special token's text is taken as it stands; "none"
/// means that there is none; empty means the default: `<mask>` and `<eos>` (no others) for words
/// and bytes, what the files beside it say (special_tokens_map.json ...) for tokenizer_json, and
/// the file's own pieces for sentencepiece.
struct TokenizerOptions {
  TokenizerType type = TokenizerType::words;
  std::filesystem::path path = {};
  std::string mask_token = {};
  std::string end_of_text_token = {};
  std::string begin_of_text_token = {};
  std::string end_of_turn_token = {};
  std::string padding_token = {};
  bool add_missing_special = false;
  MissingSymbol missing_symbol = MissingSymbol::refuse;
  std::string pattern = {};
  std::int64_t min_count = 1;

  static constexpr auto describe() {
    using O = TokenizerOptions;
    return std::tuple{
        field("type", &O::type,
              "Kind of tokenizer: words, bytes, tokenizer_json or sentencepiece."),
        field("path", &O::path,
              "tokenizer_json, sentencepiece: the file or its folder. words: a saved vocabulary to "
              "use "
              "instead of the data's."),
        field("mask_token", &O::mask_token,
              "Text of the mask token; \"none\" for none. Empty: <mask>, or what the file's folder "
              "says."),
        field(
            "end_of_text_token", &O::end_of_text_token,
            "Text of the token that closes an answer; \"none\" for none. Empty: <eos>, or what the "
            "file's folder says."),
        field("begin_of_text_token", &O::begin_of_text_token,
              "Text of the token that opens a text. Empty: none, or what the file's folder says."),
        field("end_of_turn_token", &O::end_of_turn_token,
              "Text of the token that closes a turn of a conversation. Empty: none."),
        field("padding_token", &O::padding_token,
              "Text of the padding token. Empty: none, or what the file's folder says."),
        field(
            "add_missing_special", &O::add_missing_special,
            "tokenizer_json, sentencepiece: a named token that the file lacks is added behind its "
            "last id."),
        field("missing_symbol", &O::missing_symbol,
              "tokenizer_json: a byte without a symbol in the vocabulary: refuse or drop."),
        field(
            "pattern", &O::pattern,
            "tokenizer_json: how a rank file (*.tiktoken) cuts text: gpt2, cl100k, o200k, llama3, "
            "qwen2, or an expression. Every other file says it itself."),
        field("min_count", &O::min_count,
              "words: how often a word must occur in the data to enter the vocabulary.")
            .at_least(1),
    };
  }
  /// Every key is one that the type reads, and tokenizer_json has its path.
  void check(config::OptionsCheck& check) const;
};
static_assert(OptionsStruct<TokenizerOptions>);

/// Builds the tokenizer of an experiment.  `texts`: the data a "words" vocabulary is made from.
///
/// Errors  ConfigError for a key that the type does not read, or one it needs; DataError for files.
[[nodiscard]] std::shared_ptr<const Tokenizer> make_tokenizer(
    const TokenizerOptions& options, std::span<const std::string> texts = {});

/// The tokenizer of a model folder: what `Tokenizer::save` wrote (same fingerprint), else the
/// published file in it (tokenizer.json, vocab.json with merges.txt, tekken.json, tokenizer.model,
/// *.tiktoken, in this order) whose special tokens are those that the folder's files name:
/// special_tokens_map.json and tokenizer_config.json (bos_token, eos_token, pad_token, mask_token,
/// as text or as an object with `content`; added_tokens_decoder), config.json (bos_token_id,
/// eos_token_id, a list too, pad_token_id, mask_token_id).  `names` are for roles that no file
/// names.
///
/// Errors  DataError if the folder has neither, if a file is wrong, if two files contradict one
///         another (both files and both values are named), or if `names` differ from the files.
[[nodiscard]] std::shared_ptr<const Tokenizer> load_tokenizer(
    const std::filesystem::path& model_folder, const SpecialNames& names = {});

/// The same beside a [tokenizer] table that gives the keys `given`: each is obeyed where the folder
/// is silent, and refused where the folder says otherwise.
///
/// Errors  ConfigError naming the key and what the folder says; DataError as above.
[[nodiscard]] std::shared_ptr<const Tokenizer> load_tokenizer(
    const std::filesystem::path& model_folder, const TokenizerOptions& asked,
    std::span<const std::string> given);

/// The tokenizer of a path as commands take it: a model folder, a folder from elsewhere, or a file
/// of one of those kinds.  Of `asked` the special tokens, `add_missing_special`, `missing_symbol`
/// and `pattern` are read.
///
/// Errors  DataError as above; ConfigError for a key that the path's kind does not read.
[[nodiscard]] std::shared_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path,
                                                              const TokenizerOptions& asked = {});

}  // namespace lldm
