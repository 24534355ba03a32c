// SPDX-License-Identifier: MIT
// From a tokenizer.json to its parts.
#include <algorithm>
#include <memory>
#include <optional>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/tokenizer_json_state.hpp"

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

TokenizerJson::State::State(const JsonView& root, const Settings& settings, const std::string& file)
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
                              "; add_missing_special = true, with type = \"tokenizer_json\", adds "
                              "it behind the last id"));
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

void TokenizerJson::State::fill_texts(const std::vector<AddedToken>& tokens) {
  text_of_id = table.text_of_id;
  for (const AddedToken& token : tokens)  // the reference keeps such a token's text normalised
    if (token.normalized)
      text_of_id[static_cast<std::size_t>(token.id)] = normalizer(token.content);
  if (!decoder.is_byte_level()) return;
  for (std::string& text : text_of_id)
    if (auto bytes = bytes_of_symbols(text)) text = std::move(*bytes);
}

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

}  // namespace lldm
