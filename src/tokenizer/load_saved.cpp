// SPDX-License-Identifier: MIT
#include "tokenizer/load_saved.hpp"

#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/bytes.hpp"
#include "lldm/tokenizer/sentencepiece.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "lldm/tokenizer/words.hpp"
#include "storage/json_file.hpp"
#include "tokenizer/published.hpp"
#include "tokenizer/saved_tokenizer.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Tokenizer> load_saved_json(const JsonView& saved, const fs::path& file) {
  TokenizerJson::Settings settings = {
      .special = read_saved_names(saved, {"missing_symbol", "ranks_by_result"})};
  const JsonView missing = saved.at("missing_symbol");
  if (missing.text() != "refuse" && missing.text() != "drop")
    missing.fail("must be refuse or drop");
  if (missing.text() == "drop") settings.missing_symbol = MissingSymbol::drop;
  if (const auto by_result = saved.find("ranks_by_result"))
    settings.ranks_by_result = by_result->boolean();
  return std::make_shared<TokenizerJson>(TokenizerJson::read(file, settings));
}

}  // namespace

std::shared_ptr<const Tokenizer> load_saved_tokenizer(const fs::path& path) {
  const std::string file = path.string();
  const nlohmann::json json = load_json(path);
  const JsonView saved(json, file);
  const std::string& type = saved.at("type").text();
  std::shared_ptr<const Tokenizer> tokenizer;
  if (type == BytesTokenizer::name()) {
    tokenizer = std::make_shared<BytesTokenizer>(read_saved_names(saved, {}));
  } else if (type == WordsTokenizer::name()) {
    const SpecialNames names = read_saved_names(saved, {"words"});
    const JsonView words = saved.at("words");
    words.require_array();
    std::vector<std::string> list;
    for (std::size_t i = 0; i < words.size(); ++i) list.push_back(words.at(i).text());
    try {
      tokenizer = std::make_shared<WordsTokenizer>(std::move(list), names);
    } catch (const DataError& error) {
      words.fail(error.what());
    }
  } else if (type == TokenizerJson::name()) {
    tokenizer = load_saved_json(saved, path.parent_path() / "tokenizer.json");
  } else if (type == SentencePieceTokenizer::name()) {
    SentencePieceTokenizer::Settings settings = {.special = read_saved_names(saved, {"added"})};
    const JsonView added = saved.at("added");
    added.require_array();
    for (std::size_t i = 0; i < added.size(); ++i) settings.added.push_back(added.at(i).text());
    tokenizer = std::make_shared<SentencePieceTokenizer>(
        SentencePieceTokenizer::read(path.parent_path() / "tokenizer.model", settings));
  } else {
    saved.at("type").fail("no tokenizer is named \"" + type +
                          "\"\n  tokenizers: bytes, words, tokenizer_json, sentencepiece");
  }
  check_saved_ids(saved, tokenizer->special());
  return tokenizer;
}

void check_saved_names(const SpecialNames& names, const fs::path& path) {
  const std::string file = path.string();
  const nlohmann::json json = load_json(path);
  const JsonView special = JsonView(json, file).at("special");
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& asked = names.*role.text;
    if (asked.empty()) continue;
    const auto entry = special.find(role.key);
    const std::string saved = entry ? entry->at("token").text() : std::string(kNoToken);
    if (saved != asked)
      special.fail(message(role.key, " is \"", saved, "\", but \"", asked, "\" is asked for"));
  }
}

}  // namespace lldm
