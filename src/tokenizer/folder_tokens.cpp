// SPDX-License-Identifier: MIT
#include "tokenizer/folder_tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/free_ids.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"
#include "tokenizer/file_vocabulary.hpp"
#include "tokenizer/lit_gpt_config.hpp"

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

constexpr std::array<const char*, 5> kTokenFlags = {"single_word", "lstrip", "rstrip", "normalized",
                                                    "special"};

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
                  FileVocabulary& vocabulary, json& added_tokens) {
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
    json added = {{"id", id}, {"content", content}};
    for (const char* key : kTokenFlags) added[key] = flag(key);
    added_tokens.push_back(std::move(added));
    vocabulary.add(content, id);
  }
}

/// The mask of a config.json: its id, or SMDM's, which is the row behind those that have a logit.
std::vector<std::int64_t> mask_of(const FolderFile& config) {
  auto ids = ids_of(config, kHubRoles.front());
  if (!ids.empty() || !is_smdm_config(config.content)) return ids;
  const bool is_named = is_named_smdm(config.content);
  const auto number = [&](const char* key, std::int64_t fallback) {
    const auto value = config.root().find(key);
    return value ? value->integer(1, kMaxId) : fallback;
  };
  const std::int64_t multiple =
      number("padding_multiple", is_named ? kSmdmMultiple : kLitGptMultiple);
  const std::int64_t vocabulary = number("vocab_size", is_named ? kSmdmVocabulary : 0);
  if (vocabulary > 0)
    ids.push_back(number("padded_vocab_size", padded_vocabulary(vocabulary, multiple)));
  return ids;
}

/// The ids that config.json has for a role.
std::vector<std::int64_t> stated_ids(const FolderFile& config, const HubRole& role) {
  return role.id == &SpecialTokens::mask ? mask_of(config) : ids_of(config, role);
}

/// A model's mask that stands right behind the ids of its tokenizer's file and that no file names:
/// the tokenizer was published before the mask was added, and gets it.
void add_mask_behind(const FolderFile& config, FileVocabulary& vocabulary, json& added_tokens) {
  const auto mask = mask_of(config);
  if (mask.empty() || mask.front() != vocabulary.next() ||
      vocabulary.id_of(std::string(kAddedMask)))
    return;
  json added = {{"id", mask.front()}, {"content", kAddedMask}};
  for (const char* key : kTokenFlags) added[key] = key == std::string_view("special");
  added_tokens.push_back(std::move(added));
  vocabulary.add(std::string(kAddedMask), mask.front());
}

/// The name of a role's token, on which all files agree; "" where none names it.
std::string agreed_name(const fs::path& folder, const HubRole& role,
                        const std::vector<Statement>& statements,
                        const std::optional<FolderFile>& config, const std::string& tokenizer,
                        const FileVocabulary& vocabulary) {
  const std::string about = message("the ", role.role, " token");
  for (const Statement& other : statements)
    if (other.name != statements.front().name)
      contradict(folder, about, statements.front().source, other.source);
  const std::string name = statements.empty() ? "" : statements.front().name;
  const auto ids = config ? stated_ids(*config, role) : std::vector<std::int64_t>();
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
  FileVocabulary vocabulary(tokenizer);
  json more = json::array();
  if (tokenizer_config) read_decoder(folder, *tokenizer_config, file, vocabulary, more);
  const bool is_mask_named = !asked.mask.empty() || named_by(map, kHubRoles.front()) ||
                             named_by(tokenizer_config, kHubRoles.front());
  if (config && !is_mask_named) add_mask_behind(*config, vocabulary, more);
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
    const auto ids = stated_ids(*config, role);
    if (id < 0 || ids.empty() || std::ranges::find(ids, id) != ids.end()) continue;
    contradict(folder, message("the ", role.role, " token"),
               message(source, ": \"", names.*role.text, "\", which is ", id),
               message(config->file, ": ", role.id_key, " = ", list_text(ids)));
  }
}

}  // namespace lldm
