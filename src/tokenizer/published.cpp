// SPDX-License-Identifier: MIT
#include "tokenizer/published.hpp"

#include <utility>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/sentencepiece.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/folder_tokens.hpp"
#include "tokenizer/sentencepiece_model.hpp"
#include "tokenizer/tokenizer_source.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// The pieces of a model as the vocabulary of a tokenizer.json, for what the files beside it say.
std::string vocabulary_json(const SentencePieceModel& model) {
  nlohmann::json vocab = nlohmann::json::array();
  for (const auto& piece : model.pieces) vocab.push_back({piece.text, piece.score});
  return nlohmann::json{{"model", {{"vocab", std::move(vocab)}}},
                        {"added_tokens", nlohmann::json::array()}}
      .dump();
}

SpecialNames final_names(const fs::path& file, const SpecialNames& asked, const SpecialNames& named,
                         NamedBy named_by) {
  if (named_by == NamedBy::folder)
    for (const SpecialRole& role : kSpecialRoles) {
      const std::string &wish = asked.*role.text, &is = named.*role.text;
      if (!wish.empty() && !is.empty() && wish != is)
        refuse_key(file.parent_path(), message(role.key, "_token"), wish, message("\"", is, "\""));
    }
  return chosen_names(asked, named);
}

std::shared_ptr<const Tokenizer> read_sentencepiece(const fs::path& file, const AskedTokens& asked,
                                                    NamedBy named_by) {
  if (!asked.pattern.empty())
    throw DataError(message(file.string(), ": has its own rules; `pattern` is for rank files"));
  std::string bytes = read_input(file);
  const SentencePieceModel model = SentencePieceModel::parse(bytes, file.string());
  const FolderTokens folder = read_folder_tokens(
      file, vocabulary_json(model), named_by == NamedBy::asked ? asked.names : SpecialNames());
  const SpecialNames named =
      chosen_names(folder.names, SentencePieceTokenizer::own_names(bytes, file.string()));
  SentencePieceTokenizer::Settings settings = {
      .special = final_names(file, asked.names, named, named_by),
      .missing_special = asked.missing_special};
  const auto vocabulary = nlohmann::json::parse(folder.tokenizer_json);
  for (const auto& token : vocabulary.at("added_tokens"))
    settings.added.push_back(token.at("content").get<std::string>());
  return std::make_shared<SentencePieceTokenizer>(
      SentencePieceTokenizer::from_bytes(std::move(bytes), settings, file.string()));
}

}  // namespace

SpecialNames chosen_names(const SpecialNames& asked, const SpecialNames& fallback) {
  SpecialNames names;
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& text = asked.*role.text;
    names.*role.text = text == kNoToken ? "" : text.empty() ? fallback.*role.text : text;
  }
  return names;
}

void refuse_key(const fs::path& folder, std::string_view key, std::string_view asked,
                std::string_view is) {
  throw ConfigError(message("[tokenizer] ", key, " = \"", asked, "\", but the model folder ",
                            folder.string(), " has ", is,
                            "\n  leave the key out: a model keeps the tokenizer it was trained "
                            "with"));
}

std::shared_ptr<const Tokenizer> read_published(const fs::path& file, const AskedTokens& asked,
                                                NamedBy named_by) {
  if (kind_of_file(file) == TokenizerFile::sentencepiece)
    return read_sentencepiece(file, asked, named_by);
  TokenizerSource source = read_tokenizer_source(file, asked.pattern);
  const FolderTokens folder = read_folder_tokens(
      file, std::move(source.json), named_by == NamedBy::asked ? asked.names : SpecialNames());
  return std::make_shared<TokenizerJson>(
      TokenizerJson::from_text(folder.tokenizer_json,
                               {.special = final_names(file, asked.names, folder.names, named_by),
                                .missing_special = asked.missing_special,
                                .missing_symbol = asked.missing_symbol,
                                .ranks_by_result = source.ranks_by_result},
                               file.string()));
}

}  // namespace lldm
