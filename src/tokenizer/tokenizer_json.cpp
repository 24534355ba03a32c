// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/tokenizer_json.hpp"

#include <algorithm>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/saved_tokenizer.hpp"
#include "tokenizer/tokenizer_json_model.hpp"

namespace lldm {

struct TokenizerJson::State {
  std::string json;  // the file's text
  SpecialNames names;
  SpecialTokens special;
  MissingSymbol missing_symbol;
  TokenTable table;
  std::vector<std::string> bytes_of_id;
  std::vector<bool> is_special;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  ByteLevelBpe bpe;
  AddedTokens added;
  TemplateTokens template_tokens;

  State(const JsonView& root, const Settings& settings, const std::string& file)
      : names(settings.special),
        missing_symbol(settings.missing_symbol),
        table(read_vocabulary(root.at("model"))),
        normalizer(root.find("normalizer") ? Normalizer(root.at("normalizer")) : Normalizer()),
        pre_tokenizer(root.at("pre_tokenizer")),
        bpe(read_byte_level_bpe(root.at("model"), table)) {
    std::vector<AddedToken> tokens = read_added_tokens(root, table);
    template_tokens = read_post_processor(root, table);
    name_special_tokens(tokens, file);
    added = AddedTokens(tokens, normalizer);
    is_special.resize(table.text_of_id.size());
    for (const AddedToken& token : tokens)
      if (token.special) is_special[static_cast<std::size_t>(token.id)] = true;
    for (const std::string& token : table.text_of_id)
      bytes_of_id.push_back(bytes_of_symbols(token).value_or(token));
    for (const AddedToken& token : tokens)
      if (token.normalized) {  // the reference keeps such a token's text normalised
        const std::string normalised = normalizer(token.content);
        bytes_of_id[static_cast<std::size_t>(token.id)] =
            bytes_of_symbols(normalised).value_or(normalised);
      }
  }

  void name_special_tokens(std::vector<AddedToken>& tokens, const std::string& file);
  void encode_text(std::string_view text, SpecialText mode, std::vector<std::int64_t>& ids) const;
  void check_missing(std::string_view piece, std::string_view text) const;
};

namespace {

/// Texts that are asked for and not in the file, in the order of the roles.
std::vector<std::string> missing_names(const SpecialNames& names, const TokenTable& table) {
  std::vector<std::string> missing;
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& name = names.*role.text;
    if (!name.empty() && table.find(name) < 0 &&
        std::find(missing.begin(), missing.end(), name) == missing.end())
      missing.push_back(name);
  }
  return missing;
}

/// The file's text with further added tokens behind the last id.
std::string with_added_tokens(nlohmann::json root, const std::vector<std::string>& names,
                              std::size_t first_id) {
  nlohmann::json& list = root["added_tokens"];
  if (!list.is_array()) list = nlohmann::json::array();
  for (const std::string& name : names)
    list.push_back({{"id", first_id++},
                    {"content", name},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}});
  return root.dump();
}

}  // namespace

void TokenizerJson::State::name_special_tokens(std::vector<AddedToken>& tokens,
                                               const std::string& file) {
  std::vector<std::string> known;
  for (const AddedToken& token : tokens) known.push_back(token.content);
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& name = names.*role.text;
    if (name.empty()) continue;
    const std::int64_t id = table.find(name);
    if (id < 0) {
      const std::string near = near_words(name, known);
      throw DataError(message(file, ": no token is named \"", name, "\" (special token ", role.key,
                              ")\n  ",
                              near.empty() ? message("added tokens: ", known.size()) : near,
                              "; add_missing_special = true adds it behind the last id"));
    }
    special.*role.id = id;
    const auto added_token = std::find_if(tokens.begin(), tokens.end(),
                                          [&](const AddedToken& token) { return token.id == id; });
    if (added_token == tokens.end())
      tokens.push_back({.id = id, .content = name, .special = true});
    else
      added_token->special = true;
  }
}

TokenizerJson::TokenizerJson(std::shared_ptr<const State> state) : state_(std::move(state)) {}

TokenizerJson TokenizerJson::read(const std::filesystem::path& file, const Settings& settings) {
  return from_text(read_input(file, JsonLimits{}.max_bytes), settings, file.string());
}

TokenizerJson TokenizerJson::from_text(std::string text, const Settings& settings,
                                       const std::string& file) {
  const nlohmann::json json = parse_json(text, file);
  const JsonView root(json, file);
  check_tokenizer_json(root);
  if (settings.missing_special == MissingSpecial::add) {
    TokenTable table = read_vocabulary(root.at("model"));
    (void)read_added_tokens(root, table);  // completes the table
    const auto missing = missing_names(settings.special, table);
    if (!missing.empty()) {
      Settings complete = settings;
      complete.missing_special = MissingSpecial::refuse;
      return from_text(with_added_tokens(json, missing, table.text_of_id.size()), complete, file);
    }
  }
  auto state = std::make_shared<State>(root, settings, file);
  state->json = std::move(text);
  return TokenizerJson(std::move(state));
}

void TokenizerJson::State::check_missing(std::string_view piece, std::string_view text) const {
  const std::size_t at = bpe.find_missing(piece);
  if (at == std::string_view::npos || missing_symbol == MissingSymbol::drop) return;
  throw DataError(
      message("tokenizer_json: the vocabulary has no symbol for byte ",
              int{static_cast<unsigned char>(piece[at])}, " of ", excerpt(piece, at, 40),
              "\n  in: ", excerpt(text, 0),
              "\n  missing_symbol = \"drop\" leaves such bytes out, as the reference does"));
}

void TokenizerJson::State::encode_text(std::string_view text, SpecialText mode,
                                       std::vector<std::int64_t>& ids) const {
  std::vector<std::string_view> pieces;
  std::string storage;
  pre_tokenizer.split(text, pieces, storage);
  for (const std::string_view piece : pieces) {
    check_missing(piece, text);
    const std::size_t first = ids.size();
    bpe.encode(piece, ids);
    if (mode == SpecialText::recognise) continue;
    for (std::size_t i = first; i < ids.size(); ++i)
      if (is_special[static_cast<std::size_t>(ids[i])])
        throw DataError(message("tokenizer_json: ordinary text gives the special token \"",
                                table.text_of_id[static_cast<std::size_t>(ids[i])], "\" (id ",
                                ids[i], ")\n  in: ", excerpt(piece, 0)));
  }
}

std::vector<std::int64_t> TokenizerJson::encode(std::string_view text, SpecialText mode) const {
  require_utf8(text, "TokenizerJson::encode");
  using Stage = AddedTokens::Stage;
  std::vector<std::int64_t> ids;
  ids.reserve(text.size() / 3 + 4);
  for (const auto& raw : state_->added.split(text, Stage::before_normalising, mode)) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    const std::string normalised = state_->normalizer(raw.text);
    for (const auto& part : state_->added.split(normalised, Stage::after_normalising, mode)) {
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        state_->encode_text(part.text, mode, ids);
    }
  }
  return ids;
}

std::string TokenizerJson::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(
          message("TokenizerJson::decode: id ", id, " is outside [0, ", vocabulary_size(), ")"));
    const auto index = static_cast<std::size_t>(id);
    if (!skip_special || !state_->is_special[index]) bytes += state_->bytes_of_id[index];
  }
  return to_valid_utf8(bytes);
}

std::int64_t TokenizerJson::vocabulary_size() const {
  return static_cast<std::int64_t>(state_->table.text_of_id.size());
}

const SpecialTokens& TokenizerJson::special() const { return state_->special; }

std::vector<std::int64_t> TokenizerJson::add_template_tokens(
    std::span<const std::int64_t> ids) const {
  std::vector<std::int64_t> all = state_->template_tokens.before;
  all.insert(all.end(), ids.begin(), ids.end());
  const auto& behind = state_->template_tokens.behind;
  all.insert(all.end(), behind.begin(), behind.end());
  return all;
}

std::int64_t TokenizerJson::id_of(std::string_view token) const {
  return state_->table.find(std::string(token));
}

namespace {

nlohmann::json saved_json(const SpecialNames& names, const SpecialTokens& special,
                          MissingSymbol missing) {
  nlohmann::json saved = saved_tokenizer(TokenizerJson::name(), names, special);
  for (const auto& choice : choices(std::type_identity<MissingSymbol>()))
    if (choice.value == missing) saved["missing_symbol"] = choice.name;
  return saved;
}

}  // namespace

void TokenizerJson::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / "tokenizer.json", state_->json, real_file_ops());
  write_and_sync(folder / kSavedTokenizer,
                 saved_text(saved_json(state_->names, state_->special, state_->missing_symbol)),
                 real_file_ops());
}

std::string TokenizerJson::fingerprint() const {
  return Sha256()
      .update(saved_text(saved_json(state_->names, state_->special, state_->missing_symbol)))
      .update(state_->json)
      .hex();
}

}  // namespace lldm
