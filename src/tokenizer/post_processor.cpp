// SPDX-License-Identifier: MIT
#include "tokenizer/post_processor.hpp"

#include "lldm/errors.hpp"
#include "tokenizer/parts.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

/// Appends the ids of `special_tokens[name]`.
void append_template_token(const JsonView& special_tokens, const JsonView& piece,
                           const TokenTable& table, std::vector<std::int64_t>& ids) {
  const JsonView token = piece.at("SpecialToken");
  token.only_keys({"id", "type_id"});
  const JsonView entry = special_tokens.at(token.at("id").text());
  entry.only_keys({"id", "ids", "tokens"});
  const JsonView list = entry.at("ids"), texts = entry.at("tokens");
  list.require_array(), texts.require_array();
  if (list.size() != texts.size()) entry.fail("\"ids\" and \"tokens\" differ in length");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::int64_t id = list.at(i).integer(0, kMaxTokenId);
    if (table.find(texts.at(i).text()) != id)
      list.at(i).fail(message("is ", id, ", but ", quoted_token(texts.at(i).text()), " has the id ",
                              table.find(texts.at(i).text())));
    ids.push_back(id);
  }
}

void read_template(const JsonView& json, const TokenTable& table, TemplateTokens& tokens) {
  json.only_keys({"type", "single", "pair", "special_tokens"});
  const JsonView single = json.at("single");
  single.require_array();
  bool is_behind = false;
  for (std::size_t i = 0; i < single.size(); ++i) {
    const JsonView piece = single.at(i);
    piece.only_keys({"SpecialToken", "Sequence"});
    if (piece.find("Sequence")) {
      if (is_behind) piece.fail("the text appears twice: not implemented");
      is_behind = true;
    } else {
      append_template_token(json.at("special_tokens"), piece, table,
                            is_behind ? tokens.behind : tokens.before);
    }
  }
  if (!is_behind) single.fail("has no Sequence: the text itself is missing");
}

void read_byte_level(const JsonView& json, const TokenTable&, TemplateTokens&) {
  json.only_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});  // acts on offsets
}

/// ["[CLS]", 101]
std::int64_t read_named_token(const JsonView& json, const TokenTable& table) {
  json.require_array();
  if (json.size() != 2) json.fail("must be [token, id]");
  const std::string& text = json.at(std::size_t{0}).text();
  const std::int64_t id = json.at(1).integer(0, kMaxTokenId);
  if (table.find(text) != id)
    json.at(1).fail(
        message("is ", id, ", but ", quoted_token(text), " has the id ", table.find(text)));
  return id;
}

void read_bert(const JsonView& json, const TokenTable& table, TemplateTokens& tokens) {
  json.only_keys({"type", "sep", "cls"});
  tokens.before.push_back(read_named_token(json.at("cls"), table));
  tokens.behind.push_back(read_named_token(json.at("sep"), table));
}

void read_roberta(const JsonView& json, const TokenTable& table, TemplateTokens& tokens) {
  json.only_keys({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
  tokens.before.push_back(read_named_token(json.at("cls"), table));
  tokens.behind.push_back(read_named_token(json.at("sep"), table));
}

using Reader = void (*)(const JsonView&, const TokenTable&, TemplateTokens&);
constexpr NamedPart<Reader> kPostProcessors[] = {{"ByteLevel", read_byte_level},
                                                 {"TemplateProcessing", read_template},
                                                 {"BertProcessing", read_bert},
                                                 {"RobertaProcessing", read_roberta},
                                                 {"Sequence", nullptr}};

void read_processor(const JsonView& json, const TokenTable& table, TemplateTokens& tokens) {
  const Reader reader = maker_of<Reader>(kPostProcessors, "post-processor", json);
  if (!reader)
    return for_each_in_sequence(json, "processors",
                                [&](const JsonView& part) { read_processor(part, table, tokens); });
  if (reader != read_byte_level && (!tokens.before.empty() || !tokens.behind.empty()))
    json.fail("a second template: not implemented");
  reader(json, table, tokens);
}

}  // namespace

TemplateTokens read_post_processor(const JsonView& root, const TokenTable& table) {
  TemplateTokens tokens;
  if (const auto json = root.find("post_processor")) read_processor(*json, table, tokens);
  return tokens;
}

}  // namespace lldm
