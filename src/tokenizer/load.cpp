// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/load.hpp"

#include <algorithm>
#include <array>

#include "lldm/config/options_check.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/tokenizer/bytes.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/words.hpp"
#include "storage/sealed_folder.hpp"
#include "tokenizer/folder_tokens.hpp"
#include "tokenizer/load_saved.hpp"
#include "tokenizer/published.hpp"
#include "tokenizer/saved_tokenizer.hpp"
#include "tokenizer/tokenizer_source.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

SpecialNames names_of(const TokenizerOptions& options) {
  return {.mask = options.mask_token,
          .end_of_text = options.end_of_text_token,
          .begin_of_text = options.begin_of_text_token,
          .end_of_turn = options.end_of_turn_token,
          .padding = options.padding_token};
}

/// A model folder's tokenizer is bound to it by MANIFEST.json, where there is one.
void check_seal(const fs::path& folder) {
  SealedFolder(folder).check(
      [](const std::string& name) { return !name.ends_with(".safetensors"); });
}

/// The names that tokenizers made from data have by default.
SpecialNames builtin_names() { return {.mask = "<mask>", .end_of_text = "<eos>"}; }

/// DataError, beginning with `where`, if the mask is also a token that texts hold: what is masked
/// and what a text says could not be told apart.
std::shared_ptr<const Tokenizer> with_own_mask(std::shared_ptr<const Tokenizer> tokenizer,
                                               const std::string& where) {
  const SpecialTokens& special = tokenizer->special();
  for (const SpecialRole& role : kSpecialRoles)
    if (special.mask >= 0 && role.in_texts && special.*role.id == special.mask)
      throw DataError(
          message(where, ": the mask token and the ", role.key, " token are both id ", special.mask,
                  " (\"", tokenizer->decode(std::array{special.mask}, false),
                  "\")\n  a mask stands in no text: name another token as one of them"));
  return tokenizer;
}

AskedTokens asked_of(const TokenizerOptions& options) {
  return {
      .names = names_of(options),
      .missing_special = options.add_missing_special ? MissingSpecial::add : MissingSpecial::refuse,
      .missing_symbol = options.missing_symbol,
      .pattern = options.pattern};
}

/// The file that `path`, a file or a folder, stands for.
fs::path published_file(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  if (const auto file = find_tokenizer_file(path)) return *file;
  throw DataError(
      message(path.string(), ": no tokenizer in this folder\n  looked for: ", kTokenizerFiles));
}

/// The names of a tokenizer, by role: what decodes as them.
SpecialNames texts_of(const Tokenizer& tokenizer) {
  SpecialNames names;
  for (const SpecialRole& role : kSpecialRoles)
    if (const std::int64_t id = tokenizer.special().*role.id; id >= 0)
      names.*role.text = tokenizer.decode(std::array{id}, false);
  return names;
}

std::shared_ptr<const Tokenizer> load_own(const fs::path& folder, const AskedTokens& asked) {
  check_seal(folder);
  if (const fs::path saved = folder / kSavedTokenizer; fs::exists(saved)) {
    auto tokenizer = with_remedy(folder, [&] { return load_saved_tokenizer(saved); });
    check_saved_names(asked.names, saved);
    check_config_ids(folder, saved.string(), texts_of(*tokenizer), tokenizer->special());
    return tokenizer;
  }
  const auto file = find_tokenizer_file(folder);
  if (!file)
    throw DataError(message(folder.string(), ": no tokenizer in this folder\n  looked for: ",
                            kSavedTokenizer, ", ", kTokenizerFiles));
  return with_remedy(folder, [&] { return read_published(*file, asked, NamedBy::folder); });
}

std::shared_ptr<const Tokenizer> load_folder(const fs::path& folder, const AskedTokens& asked) {
  return with_own_mask(load_own(folder, asked), folder.string());
}

/// Whether a `path` of [tokenizer] is the model folder's own tokenizer.
bool is_own_file(const fs::path& path, const fs::path& folder) {
  const fs::path here = fs::weakly_canonical(path), own = fs::weakly_canonical(folder);
  return here == own || here.parent_path() == own;
}

}  // namespace

void TokenizerOptions::check(config::OptionsCheck& check) const {
  const auto unread = [&](std::string_view key, std::string_view reader) {
    check.error(key, message("the key \"", key, "\" is read by type ", reader, " only"),
                "remove it, or change `type`");
  };
  const bool is_json = type == TokenizerType::tokenizer_json;
  const bool is_published = is_json || type == TokenizerType::sentencepiece;
  if (add_missing_special && !is_published)
    unread("add_missing_special", "\"tokenizer_json\" and \"sentencepiece\"");
  if (missing_symbol != MissingSymbol::refuse && !is_json)
    unread("missing_symbol", "\"tokenizer_json\"");
  if (!pattern.empty() && !is_json) unread("pattern", "\"tokenizer_json\"");
  if (min_count != 1 && type != TokenizerType::words) unread("min_count", "\"words\"");
  if (!path.empty() && type == TokenizerType::bytes)
    check.error("path", "type \"bytes\" reads no \"path\": its 256 tokens are fixed", "remove it");
  if (path.empty() && is_json)
    check.error("path", "type \"tokenizer_json\" needs \"path\": the file or its folder",
                "path = \"tokenizer.json\", relative to this file");
  if (path.empty() && type == TokenizerType::sentencepiece)
    check.error("path", "type \"sentencepiece\" needs \"path\": the file or its folder",
                "path = \"tokenizer.model\", relative to this file");
  const SpecialNames names = is_published || !path.empty()
                                 ? names_of(*this)
                                 : chosen_names(names_of(*this), builtin_names());
  for (const SpecialRole& role : kSpecialRoles)
    if (const std::string& text = names.*role.text;
        role.in_texts && !text.empty() && text != kNoToken && text == names.mask)
      check.error(mask_token.empty() ? message(role.key, "_token") : "mask_token",
                  message("the mask token and the ", role.key, " token are both \"", text, "\""),
                  "a mask stands in no text: name another token as one of them");
}

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / kSavedTokenizer) ||
         (fs::is_directory(folder) && find_tokenizer_file(folder));
}

std::shared_ptr<const Tokenizer> load_tokenizer(const fs::path& folder, const SpecialNames& names) {
  return load_folder(folder, {.names = names});
}

std::shared_ptr<const Tokenizer> load_tokenizer(const fs::path& folder,
                                                const TokenizerOptions& asked,
                                                std::span<const std::string> given) {
  const auto gives = [&](std::string_view key) {
    return std::find(given.begin(), given.end(), key) != given.end();
  };
  auto tokenizer = load_folder(folder, asked_of(asked));
  std::string_view type;
  for (const auto& choice : choices(std::type_identity<TokenizerType>{}))
    if (choice.value == asked.type) type = choice.name;
  if (gives("type") && type != tokenizer->type())
    refuse_key(folder, "type", type, message("\"", tokenizer->type(), "\""));
  if (gives("path") && !is_own_file(asked.path, folder))
    refuse_key(folder, "path", asked.path.string(), "a tokenizer of its own");
  const bool is_saved = fs::exists(folder / kSavedTokenizer);
  for (const char* key : {"add_missing_special", "missing_symbol", "pattern", "min_count"})
    if (gives(key) && (is_saved || key == std::string_view("min_count")))
      throw ConfigError(message("[tokenizer] ", key, " is not read beside the model folder ",
                                folder.string(), "\n  leave it out: the folder has its tokenizer"));
  return tokenizer;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const fs::path& path,
                                                const TokenizerOptions& options) {
  const AskedTokens asked = asked_of(options);
  if (fs::is_directory(path)) return load_folder(path, asked);
  if (path.filename() != kSavedTokenizer) return read_published(path, asked, NamedBy::asked);
  check_saved_names(asked.names, path);
  return with_own_mask(load_saved_tokenizer(path), path.string());
}

std::shared_ptr<const Tokenizer> make_tokenizer(const TokenizerOptions& options,
                                                std::span<const std::string> texts) {
  config::require_legal(options, "[tokenizer]");
  const AskedTokens asked = asked_of(options);
  const SpecialNames names = chosen_names(asked.names, builtin_names());
  if (options.type == TokenizerType::bytes) return std::make_shared<BytesTokenizer>(names);
  if (options.type != TokenizerType::words) {
    const fs::path file = published_file(options.path);
    auto tokenizer = read_published(file, asked, NamedBy::asked);
    const bool is_json = options.type == TokenizerType::tokenizer_json;
    if ((tokenizer->type() == TokenizerJson::name()) != is_json)
      throw ConfigError(
          message("[tokenizer] ", file.string(), " is read by type = \"", tokenizer->type(), "\""));
    return tokenizer;
  }
  if (options.path.empty())
    return std::make_shared<WordsTokenizer>(
        WordsTokenizer::build(texts, {.special = names, .min_count = options.min_count}));
  const bool is_folder = fs::is_directory(options.path);
  const fs::path file = is_folder ? options.path / kSavedTokenizer : options.path;
  check_seal(file.parent_path());
  auto tokenizer = load_saved_tokenizer(file);
  if (tokenizer->type() != WordsTokenizer::name())
    throw ConfigError(message("[tokenizer] ", file.string(), " holds a tokenizer of type \"",
                              tokenizer->type(), "\", not \"words\""));
  check_saved_names(asked.names, file);
  return tokenizer;
}

}  // namespace lldm
