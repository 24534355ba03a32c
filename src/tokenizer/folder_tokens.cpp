// SPDX-License-Identifier: MIT
#include "tokenizer/folder_tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 24;
constexpr std::int64_t kMaxId = std::numeric_limits<std::int32_t>::max();

/// A role under Hugging Face's names.
struct HubRole {
  const char* role;  // in messages
  const char* name_key;
  const char* id_key;
  std::string SpecialNames::* text;
  std::int64_t SpecialTokens::* id;
};
constexpr std::array<HubRole, 4> kHubRoles = {{
    {"mask", "mask_token", "mask_token_id", &SpecialNames::mask, &SpecialTokens::mask},
    {"end-of-text", "eos_token", "eos_token_id", &SpecialNames::end_of_text,
     &SpecialTokens::end_of_text},
    {"begin-of-text", "bos_token", "bos_token_id", &SpecialNames::begin_of_text,
     &SpecialTokens::begin_of_text},
    {"padding", "pad_token", "pad_token_id", &SpecialNames::padding, &SpecialTokens::padding},
}};

/// A JSON file of the folder; nothing where it is not there.
struct FolderFile {
  std::string file;
  json content;

  static std::optional<FolderFile> read(const fs::path& path) {
    if (!fs::exists(path)) return std::nullopt;
    FolderFile out{path.string(), {}};
    out.content = parse_json(read_input(path, kMaxConfigBytes), out.file);
    JsonView(out.content, out.file).require_object();
    return out;
  }
  [[nodiscard]] JsonView root() const { return {content, file}; }
};

/// The ids of a key of config.json: one, or (eos_token_id) a list; empty where it is absent.
std::vector<std::int64_t> ids_of(const FolderFile& config, const HubRole& role) {
  std::vector<std::int64_t> ids;
  const auto entry = config.root().find(role.id_key);
  if (!entry) return ids;
  if (!entry->value().is_array()) return {entry->integer(0, kMaxId)};
  if (role.text != &SpecialNames::end_of_text) entry->fail("must be one token id, is a list");
  for (std::size_t i = 0; i < entry->size(); ++i) ids.push_back(entry->at(i).integer(0, kMaxId));
  return ids;
}

std::string list_text(const std::vector<std::int64_t>& ids) {
  if (ids.size() == 1) return std::to_string(ids.front());
  std::string text = "[";
  for (const std::int64_t id : ids) text += (text.size() > 1 ? ", " : "") + std::to_string(id);
  return text + "]";
}

/// Ids and texts of a tokenizer.json, without judging it: its own reader does that.
class Vocabulary {
 public:
  explicit Vocabulary(const json& tokenizer) {
    if (!tokenizer.is_object()) return;
    const auto model = tokenizer.find("model");
    if (model != tokenizer.end() && model->is_object() && model->contains("vocab"))
      add_all((*model)["vocab"]);
    const auto added = tokenizer.find("added_tokens");
    if (added == tokenizer.end() || !added->is_array()) return;
    for (const json& token : *added)
      if (token.is_object() && token.contains("id") && token["id"].is_number_integer() &&
          token.contains("content") && token["content"].is_string())
        add(token["content"].get<std::string>(), token["id"].get<std::int64_t>());
  }
  void add(const std::string& text, std::int64_t id) {
    if (!ids_.try_emplace(text, id).second) return;  // a token of the vocabulary keeps its id
    texts_.try_emplace(id, text);
    next_ = std::max(next_, id + 1);
  }
  [[nodiscard]] std::optional<std::string> text_of(std::int64_t id) const {
    const auto found = texts_.find(id);
    return found == texts_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::optional<std::int64_t> id_of(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::int64_t next() const { return next_; }
  /// `302, which is "<|mask|>"`
  [[nodiscard]] std::string shown(std::int64_t id) const {
    const auto text = text_of(id);
    return text ? message(id, ", which is \"", *text, "\"") : message(id);
  }

 private:
  /// {token: id} or [[token, score], ...]
  void add_all(const json& vocab) {
    for (std::size_t i = 0; vocab.is_array() && i < vocab.size(); ++i)
      if (const json& entry = vocab[i]; entry.is_array() && !entry.empty() && entry[0].is_string())
        add(entry[0].get<std::string>(), static_cast<std::int64_t>(i));
    if (vocab.is_object())
      for (const auto& [text, id] : vocab.items())
        if (id.is_number_integer()) add(text, id.get<std::int64_t>());
  }

  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_map<std::int64_t, std::string> texts_;
  std::int64_t next_ = 0;
};

[[noreturn]] void contradict(const fs::path& folder, const std::string& about,
                             const std::string& first, const std::string& second) {
  throw DataError(message(folder.string(), ": two files contradict one another about ", about,
                          "\n  ", first, "\n  ", second,
                          "\n  make them agree: both say what the model was trained with"));
}

/// One file's word about a role.
struct Statement {
  std::string name;
  std::string source;  // `FILE: eos_token = "<|endoftext|>"`
};

std::optional<Statement> named_by(const std::optional<FolderFile>& file, const HubRole& role) {
  if (!file) return std::nullopt;
  const auto entry = file->root().find(role.name_key);
  if (!entry) return std::nullopt;
  const std::string name = entry->value().is_object() ? entry->at("content").text() : entry->text();
  if (name.empty()) return std::nullopt;
  return Statement{name, message(file->file, ": ", role.name_key, " = \"", name, "\"")};
}

/// added_tokens_decoder against tokenizer.json; the tokens that only it has, by id.
void read_decoder(const fs::path& folder, const FolderFile& config, const std::string& tokenizer,
                  Vocabulary& vocabulary, json& added_tokens) {
  const auto decoder = config.root().find("added_tokens_decoder");
  if (!decoder) return;
  decoder->require_object();
  std::map<std::int64_t, JsonView> by_id;
  for (const auto& [key, value] : decoder->value().items()) {
    std::int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxId)
      decoder->at(key).fail("the key is no token id");
    by_id.emplace(id, decoder->at(key));
  }
  for (const auto& [id, token] : by_id) {
    const std::string& content = token.at("content").text();
    const auto there = vocabulary.text_of(id);
    const auto elsewhere = vocabulary.id_of(content);
    if (there == content) continue;
    const std::string said =
        message(config.file, ": added_tokens_decoder: ", id, " is \"", content, "\"");
    if (there) contradict(folder, "a token", said, message(tokenizer, ": ", vocabulary.shown(id)));
    if (elsewhere)
      contradict(folder, "a token", said, message(tokenizer, ": ", vocabulary.shown(*elsewhere)));
    if (id != vocabulary.next())
      throw DataError(message(said, ", but the next free id of ", tokenizer, " is ",
                              vocabulary.next(), "\n  complete tokenizer.json"));
    const auto flag = [&](const char* key) {
      const auto value = token.find(key);
      return value && value->boolean();
    };
    added_tokens.push_back({{"id", id},
                            {"content", content},
                            {"single_word", flag("single_word")},
                            {"lstrip", flag("lstrip")},
                            {"rstrip", flag("rstrip")},
                            {"normalized", flag("normalized")},
                            {"special", flag("special")}});
    vocabulary.add(content, id);
  }
}

/// The name of a role's token, on which all files agree; "" where none names it.
std::string agreed_name(const fs::path& folder, const HubRole& role,
                        const std::vector<Statement>& statements,
                        const std::optional<FolderFile>& config, const std::string& tokenizer,
                        const Vocabulary& vocabulary) {
  const std::string about = message("the ", role.role, " token");
  for (const Statement& other : statements)
    if (other.name != statements.front().name)
      contradict(folder, about, statements.front().source, other.source);
  const std::string name = statements.empty() ? "" : statements.front().name;
  const auto ids = config ? ids_of(*config, role) : std::vector<std::int64_t>();
  if (ids.empty()) return name;
  for (const std::int64_t id : ids)
    if (!vocabulary.text_of(id))
      throw DataError(message(config->file, ": ", role.id_key, " = ", list_text(ids), ", but ",
                              tokenizer, " has no token ", id, "\n  its ids end at ",
                              vocabulary.next() - 1));
  if (name.empty()) return *vocabulary.text_of(ids.front());
  const auto id = vocabulary.id_of(name);
  if (id && std::ranges::find(ids, *id) == ids.end())
    contradict(folder, about, message(statements.front().source, ", which is ", *id),
               message(config->file, ": ", role.id_key, " = ",
                       ids.size() == 1 ? vocabulary.shown(ids.front()) : list_text(ids)));
  return name;
}

}  // namespace

FolderTokens read_folder_tokens(const fs::path& tokenizer_file, std::string tokenizer_json,
                                const SpecialNames& asked) {
  const fs::path folder = tokenizer_file.parent_path();
  const std::string file = tokenizer_file.string();
  FolderTokens out{std::move(tokenizer_json), {}};
  const auto map = FolderFile::read(folder / "special_tokens_map.json");
  const auto tokenizer_config = FolderFile::read(folder / "tokenizer_config.json");
  const auto config = FolderFile::read(folder / "config.json");
  if (!map && !tokenizer_config && !config) return out;
  json tokenizer = parse_json(out.tokenizer_json, file);
  Vocabulary vocabulary(tokenizer);
  json more = json::array();
  if (tokenizer_config) read_decoder(folder, *tokenizer_config, file, vocabulary, more);
  if (!more.empty()) {
    if (!tokenizer["added_tokens"].is_array()) tokenizer["added_tokens"] = json::array();
    tokenizer["added_tokens"].insert(tokenizer["added_tokens"].end(), more.begin(), more.end());
    out.tokenizer_json = tokenizer.dump();
  }
  for (const HubRole& role : kHubRoles) {
    if (!(asked.*role.text).empty()) continue;
    std::vector<Statement> statements;
    for (const auto* source : {&map, &tokenizer_config})
      if (auto statement = named_by(*source, role)) statements.push_back(std::move(*statement));
    out.names.*role.text = agreed_name(folder, role, statements, config, file, vocabulary);
  }
  return out;
}

void check_config_ids(const fs::path& folder, const std::string& source, const SpecialNames& names,
                      const SpecialTokens& special) {
  const auto config = FolderFile::read(folder / "config.json");
  if (!config) return;
  for (const HubRole& role : kHubRoles) {
    const std::int64_t id = special.*role.id;
    const auto ids = ids_of(*config, role);
    if (id < 0 || ids.empty() || std::ranges::find(ids, id) != ids.end()) continue;
    contradict(folder, message("the ", role.role, " token"),
               message(source, ": \"", names.*role.text, "\", which is ", id),
               message(config->file, ": ", role.id_key, " = ", list_text(ids)));
  }
}

}  // namespace lldm
