// SPDX-License-Identifier: MIT
#include "tokenizer/vocab_txt.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "storage/json_file.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array<std::string_view, 3> kClasses = {"BertTokenizer", "DistilBertTokenizer",
                                                      "ElectraTokenizer"};
/// What the class calls its special tokens, and their texts where no file names them.
constexpr std::array<std::pair<const char*, const char*>, 5> kSpecial = {
    {{"unk_token", "[UNK]"},
     {"sep_token", "[SEP]"},
     {"pad_token", "[PAD]"},
     {"cls_token", "[CLS]"},
     {"mask_token", "[MASK]"}}};

void check_class(const JsonView& config) {
  const auto entry = config.find("tokenizer_class");
  if (!entry) return;
  std::string name = entry->text();
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (std::ranges::find(kClasses, name) == kClasses.end())
    entry->fail(message("how \"", name, "\" reads vocab.txt is not known\n  known: BertTokenizer, ",
                        "DistilBertTokenizer, ElectraTokenizer\n  save it once as tokenizer.json ",
                        "with the package it comes from"));
}

json read_vocabulary(const fs::path& file) {
  const std::string text = read_input(file);
  require_utf8(text, file.string());
  json vocab = json::object();
  std::int64_t id = 0;
  for (std::string_view rest = text; !rest.empty(); ++id) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view token = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (token.ends_with('\r')) token.remove_suffix(1);
    if (!vocab.emplace(token, id).second)
      throw DataError(message(file.string(), ":", id + 1, ": the token ",
                              quoted_token(std::string(token)), " stands twice"));
  }
  return vocab;
}

struct Special {
  std::string text;
  std::int64_t id;
};

Special special_token(const JsonView& config, const json& vocab, const fs::path& file,
                      const std::pair<const char*, const char*>& role) {
  Special token{role.second, -1};
  if (const auto entry = config.find(role.first))
    token.text = entry->value().is_object() ? entry->at("content").text() : entry->text();
  const auto found = vocab.find(token.text);
  if (found == vocab.end())
    throw DataError(message(file.string(), ": has no ", quoted_token(token.text), " (", role.first,
                            ")\n  tokenizer_config.json names another one"));
  token.id = found->get<std::int64_t>();
  return token;
}

json normalizer(const JsonView& config) {
  const auto flag = [&](std::string_view key, bool otherwise) {
    const auto entry = config.find(key);
    return entry ? entry->boolean() : otherwise;
  };
  const auto accents = config.find("strip_accents");
  return {{"type", "BertNormalizer"},
          {"clean_text", true},
          {"handle_chinese_chars", flag("tokenize_chinese_chars", true)},
          {"strip_accents", accents ? json(accents->boolean()) : json()},
          {"lowercase", flag("do_lower_case", true)}};
}

}  // namespace

std::string vocab_txt_as_json(const fs::path& file) {
  const fs::path config_path = file.parent_path() / "tokenizer_config.json";
  const std::string config_file = config_path.string();
  const json config_json = fs::exists(config_path) ? load_json(config_path) : json::object();
  const JsonView config(config_json, config_file);
  check_class(config);
  const json vocab = read_vocabulary(file);
  std::vector<Special> special;
  for (const auto& role : kSpecial) special.push_back(special_token(config, vocab, file, role));
  std::ranges::sort(special, {}, &Special::id);
  json added = json::array();
  for (const Special& token : special)
    added.push_back({{"id", token.id},
                     {"content", token.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const Special unknown = special_token(config, vocab, file, kSpecial[0]);
  const Special separator = special_token(config, vocab, file, kSpecial[1]);
  const Special start = special_token(config, vocab, file, kSpecial[3]);
  return json{{"version", "1.0"},
              {"added_tokens", added},
              {"normalizer", normalizer(config)},
              {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
              {"post_processor",
               {{"type", "BertProcessing"},
                {"sep", {separator.text, separator.id}},
                {"cls", {start.text, start.id}}}},
              {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
              {"model",
               {{"type", "WordPiece"},
                {"unk_token", unknown.text},
                {"continuing_subword_prefix", "##"},
                {"max_input_chars_per_word", 100},
                {"vocab", vocab}}}}
      .dump();
}

}  // namespace lldm
