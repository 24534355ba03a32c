// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/tokenizer_json.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/decoder.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/post_processor.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/saved_tokenizer.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

/// A part that may be missing or null: then it does nothing.
template <class Part>
Part read_part(const JsonView& root, std::string_view key) {
  const auto json = root.find(key);
  return json ? Part(*json) : Part();
}

void require_null(const JsonView& object, std::string_view key, std::string_view why) {
  if (const auto value = object.find(key)) value->fail(message("must be null: ", why));
}

/// Checks what belongs to no part.
void check_tokenizer_json(const JsonView& root) {
  root.only_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                  "post_processor", "decoder", "model"});
  if (const JsonView version = root.at("version"); version.text() != "1.0")
    version.fail("must be \"1.0\", is " + quoted_token(version.text()));
  require_null(root, "truncation", "lldm cuts texts where it says so, never inside the tokenizer");
  require_null(root, "padding", "lldm pads answers where it says so, never inside the tokenizer");
}

}  // namespace

struct TokenizerJson::State {
  std::string json;  // the file's text
  SpecialNames names;
  SpecialTokens special;
  MissingSymbol missing_symbol;
  bool ranks_by_result;
  TokenTable table;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  Decoder decoder;
  AddedTokens added;
  TemplateTokens template_tokens;
  std::unique_ptr<const TokenModel> model;
  std::vector<std::string> text_of_id;  // as the decoder gets it; under ByteLevel its bytes

  State(const JsonView& root, const Settings& settings, const std::string& file)
      : names(settings.special),
        missing_symbol(settings.missing_symbol),
        ranks_by_result(settings.ranks_by_result),
        table(read_vocabulary(root.at("model"))),
        normalizer(read_part<Normalizer>(root, "normalizer")),
        pre_tokenizer(read_part<PreTokenizer>(root, "pre_tokenizer")),
        decoder(read_part<Decoder>(root, "decoder")) {
    std::vector<AddedToken> tokens = read_added_tokens(root, table);
    template_tokens = read_post_processor(root, table);
    name_special_tokens(tokens, file);
    added = AddedTokens(tokens, normalizer);
    table.is_control.resize(table.text_of_id.size());
    for (const AddedToken& token : tokens)
      if (token.special) table.is_control[static_cast<std::size_t>(token.id)] = true;
    model =
        make_token_model(root.at("model"), table,
                         {.after_byte_level = pre_tokenizer.ends_in_byte_level(),
                          .ranks = ranks_by_result ? MergeRanks::by_result : MergeRanks::by_place});
    fill_texts(tokens);
  }

  void name_special_tokens(std::vector<AddedToken>& tokens, const std::string& file);
  void fill_texts(const std::vector<AddedToken>& tokens);
  void encode_part(std::string_view text, bool is_first, SpecialText mode, Pieces& pieces,
                   std::vector<std::int64_t>& ids) const;
  void check_missing(std::string_view piece, std::string_view text) const;
  void check_no_control(std::string_view piece, std::span<const std::int64_t> ids) const;
  /// Control tokens but the unknown one, which stands for what the vocabulary lacks.
  [[nodiscard]] bool has_control(std::span<const std::int64_t> ids) const {
    return std::ranges::any_of(ids, [&](std::int64_t id) {
      return table.is_control[static_cast<std::size_t>(id)] && id != model->unknown();
    });
  }
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

void TokenizerJson::State::fill_texts(const std::vector<AddedToken>& tokens) {
  text_of_id = table.text_of_id;
  for (const AddedToken& token : tokens)  // the reference keeps such a token's text normalised
    if (token.normalized)
      text_of_id[static_cast<std::size_t>(token.id)] = normalizer(token.content);
  if (!decoder.is_byte_level()) return;
  for (std::string& text : text_of_id)
    if (auto bytes = bytes_of_symbols(text)) text = std::move(*bytes);
}

void TokenizerJson::State::check_missing(std::string_view piece, std::string_view text) const {
  if (missing_symbol == MissingSymbol::drop) return;
  const std::size_t at = model->find_missing(piece);
  if (at == std::string_view::npos) return;
  const bool is_byte = model->reads() == PieceText::bytes;
  throw DataError(
      message("tokenizer_json: the vocabulary has no symbol for ",
              is_byte ? message("byte ", int{static_cast<unsigned char>(piece[at])})
                      : message("\"", piece.substr(at, code_point_at(piece, at).length), "\""),
              " of ", excerpt(piece, at, 40), "\n  in: ", excerpt(text, 0),
              "\n  missing_symbol = \"drop\" leaves such ", is_byte ? "bytes" : "characters",
              " out, as the reference does"));
}

void TokenizerJson::State::check_no_control(std::string_view piece,
                                            std::span<const std::int64_t> ids) const {
  for (const std::int64_t id : ids)
    if (has_control(std::span(&id, 1)))
      throw DataError(message("tokenizer_json: ordinary text gives the special token \"",
                              table.text_of_id[static_cast<std::size_t>(id)], "\" (id ", id,
                              ")\n  in: ", excerpt(piece, 0)));
}

void TokenizerJson::State::encode_part(std::string_view text, bool is_first, SpecialText mode,
                                       Pieces& pieces, std::vector<std::int64_t>& ids) const {
  pieces.start(text, is_first);
  pre_tokenizer.cut(pieces, model->reads());
  for (const Pieces::Piece& piece : pieces.list()) {
    check_missing(piece.text, text);
    const std::size_t first = ids.size();
    model->encode(piece.text, SpecialText::recognise, ids);
    if (mode == SpecialText::recognise || !has_control(std::span(ids).subspan(first))) continue;
    ids.resize(first);
    model->encode(piece.text, SpecialText::plain, ids);
    check_no_control(piece.text, std::span(ids).subspan(first));
  }
}

std::vector<std::int64_t> TokenizerJson::encode(std::string_view text, SpecialText mode) const {
  require_utf8(text, "TokenizerJson::encode");
  using Stage = AddedTokens::Stage;
  std::vector<std::int64_t> ids;
  ids.reserve(text.size() / 3 + 4);
  Pieces pieces;
  for (const auto& raw : state_->added.split(text, Stage::before_normalising, mode)) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    const std::string normalised = state_->normalizer(raw.text);
    for (const auto& part : state_->added.split(normalised, Stage::after_normalising, mode)) {
      const bool is_first = raw.text.data() == text.data() && part.text.data() == normalised.data();
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        state_->encode_part(part.text, is_first, mode, pieces, ids);
    }
  }
  return ids;
}

std::string TokenizerJson::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  std::vector<std::string> tokens;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(
          message("TokenizerJson::decode: id ", id, " is outside [0, ", vocabulary_size(), ")"));
    const auto index = static_cast<std::size_t>(id);
    if (skip_special && state_->table.is_control[index]) continue;
    if (state_->decoder.is_byte_level())
      bytes += state_->text_of_id[index];
    else
      tokens.push_back(state_->text_of_id[index]);
  }
  return state_->decoder.is_byte_level() ? to_valid_utf8(bytes)
                                         : state_->decoder(std::move(tokens));
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
                          MissingSymbol missing, bool ranks_by_result) {
  nlohmann::json saved = saved_tokenizer(TokenizerJson::name(), names, special);
  for (const auto& choice : choices(std::type_identity<MissingSymbol>()))
    if (choice.value == missing) saved["missing_symbol"] = choice.name;
  if (ranks_by_result) saved["ranks_by_result"] = true;
  return saved;
}

}  // namespace

void TokenizerJson::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / "tokenizer.json", state_->json, real_file_ops());
  write_and_sync(folder / kSavedTokenizer,
                 saved_text(saved_json(state_->names, state_->special, state_->missing_symbol,
                                       state_->ranks_by_result)),
                 real_file_ops());
}

std::string TokenizerJson::fingerprint() const {
  return Sha256()
      .update(saved_text(saved_json(state_->names, state_->special, state_->missing_symbol,
                                    state_->ranks_by_result)))
      .update(state_->json)
      .hex();
}

}  // namespace lldm
