// SPDX-License-Identifier: MIT
#include "tokenizer/vocab_merges.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <vector>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "storage/json_file.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/patterns.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

enum class Way { gpt2, roberta, qwen2 };
constexpr std::array<std::pair<std::string_view, Way>, 10> kClasses = {
    {{"GPT2Tokenizer", Way::gpt2},
     {"CodeGenTokenizer", Way::gpt2},
     {"GPTNeoXTokenizer", Way::gpt2},
     {"WhisperTokenizer", Way::gpt2},
     {"RobertaTokenizer", Way::roberta},
     {"BartTokenizer", Way::roberta},
     {"LongformerTokenizer", Way::roberta},
     {"Qwen2Tokenizer", Way::qwen2},
     {"DreamTokenizer", Way::qwen2},
     {"Qwen3Tokenizer", Way::qwen2}}};

/// tokenizer_config.json, or an empty object.
json read_config(const fs::path& folder) {
  const fs::path file = folder / "tokenizer_config.json";
  return fs::exists(file) ? load_json(file) : json::object();
}

Way way_of(const fs::path& folder, const json& config) {
  const auto found = config.find("tokenizer_class");
  if (found == config.end() || found->is_null()) return Way::gpt2;
  const std::string file = (folder / "tokenizer_config.json").string();
  const JsonView view(*found, file, "tokenizer_class");
  std::string name = view.text();
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  std::vector<std::string> names;
  for (const auto& [known, way] : kClasses) {
    if (name == known) return way;
    names.emplace_back(known);
  }
  std::string list;
  for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
  view.fail(message("how \"", name, "\" reads vocab.json and merges.txt is not known\n  known: ",
                    list, "\n  save it once as tokenizer.json with the package it comes from"));
}

/// "a b" a line, behind a line that begins with #version.
json read_merges(const fs::path& file) {
  std::istringstream lines(read_input(file));
  json merges = json::array();
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string::npos)
      throw DataError(message(file.string(), ":", number,
                              ": must be two tokens with one space between them, is ",
                              quoted_token(line)));
    merges.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  return merges;
}

json added_token(const std::string& content, std::int64_t id, bool special) {
  return {{"id", id},        {"content", content},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", !special}, {"special", special}};
}

/// Texts that special_tokens_map.json or tokenizer_config.json name in whatever role.
std::vector<std::string> special_texts(const fs::path& folder, const json& config) {
  std::vector<std::string> texts;
  const auto add = [&](const json& entry) {
    if (entry.is_string()) texts.push_back(entry);
    if (entry.is_object() && entry.contains("content") && entry["content"].is_string())
      texts.push_back(entry["content"]);
  };
  const auto add_all = [&](const json& file) {
    for (const auto& [key, value] : file.items()) {
      if (key.ends_with("_token")) add(value);
      if (key == "additional_special_tokens" && value.is_array())
        for (const json& entry : value) add(entry);
    }
  };
  add_all(config);
  if (const fs::path map = folder / "special_tokens_map.json"; fs::exists(map))
    add_all(load_json(map));
  return texts;
}

/// added_tokens.json (text -> id), by id, and special tokens that the vocabulary itself has.
json added_tokens(const fs::path& folder, const json& config, const json& vocab) {
  std::vector<std::string> special = special_texts(folder, config);
  if (special.empty()) special = {"<|endoftext|>"};  // GPT-2's only one, which no file names
  std::map<std::int64_t, std::string> by_id;
  for (const std::string& text : special)
    if (const auto found = vocab.find(text); found != vocab.end() && found->is_number_integer())
      by_id.emplace(found->get<std::int64_t>(), text);
  if (const fs::path path = folder / "added_tokens.json"; fs::exists(path)) {
    const std::string file = path.string();
    const json added = load_json(path);
    const JsonView view(added, file);
    view.require_object();
    for (const auto& [text, id] : added.items())
      by_id.emplace(view.at(text).integer(0, kMaxTokenId), text);
  }
  json list = json::array();
  for (const auto& [id, text] : by_id)
    list.push_back(added_token(text, id, std::ranges::find(special, text) != special.end()));
  return list;
}

json byte_level(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

json pre_tokenizer(Way way, const json& config) {
  if (way != Way::qwen2) return byte_level(config.value("add_prefix_space", false), true);
  return split_by_pattern(pattern_named("qwen2"));
}

}  // namespace

std::string vocab_merges_as_json(const fs::path& folder) {
  const json config = read_config(folder);
  const Way way = way_of(folder, config);
  const json vocab = load_json(folder / "vocab.json");
  if (!vocab.is_object())
    throw DataError(message((folder / "vocab.json").string(), ": must be an object of ids"));
  return json{{"version", "1.0"},
              {"added_tokens", added_tokens(folder, config, vocab)},
              {"normalizer", way == Way::qwen2 ? json{{"type", "NFC"}} : json()},
              {"pre_tokenizer", pre_tokenizer(way, config)},
              {"post_processor", nullptr},
              {"decoder", byte_level(false, true)},
              {"model",
               {{"type", "BPE"}, {"vocab", vocab}, {"merges", read_merges(folder / "merges.txt")}}}}
      .dump();
}

}  // namespace lldm
