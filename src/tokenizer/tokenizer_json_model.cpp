// SPDX-License-Identifier: MIT
#include "tokenizer/tokenizer_json_model.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kMaxId = (std::int64_t{1} << 31) - 2;

std::string quoted(const std::string& token) { return excerpt(token, 0, 60); }

/// One entry of `merges`: ["a", "b"] or "a b".
std::pair<std::string, std::string> read_merge(const nlohmann::json& entry, bool is_pair,
                                               const JsonView& merges, std::size_t index) {
  const auto fail = [&](std::string_view what) { merges.at(index).fail(what); };
  if (entry.is_array() != is_pair) fail("merges must be all strings or all pairs");
  std::pair<std::string, std::string> merge;
  if (is_pair) {
    if (entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string())
      fail("must be a pair of strings");
    merge = {entry[0].get<std::string>(), entry[1].get<std::string>()};
  } else {
    if (!entry.is_string()) fail("must be a string or a pair of strings");
    const auto& text = entry.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      fail("must be two tokens with one space between them, is " + quoted(text));
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  if (merge.first.empty() || merge.second.empty()) fail("a part is empty");
  return merge;
}

std::vector<ByteLevelBpe::Merge> read_merges(const JsonView& merges, const TokenTable& table) {
  merges.require_array();
  std::vector<ByteLevelBpe::Merge> list;
  std::unordered_map<std::uint64_t, std::size_t> seen;
  const bool is_pair = merges.size() > 0 && merges.value()[0].is_array();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const nlohmann::json& entry = merges.value()[i];
    if (i == 0 && entry.is_string() && entry.get_ref<const std::string&>().starts_with("#version"))
      continue;  // the first line of a merges.txt
    const auto [left, right] = read_merge(entry, is_pair, merges, i);
    const auto id = [&](const std::string& token) {
      const std::int64_t found = table.find(token);
      if (found < 0) merges.at(i).fail("the vocabulary has no " + quoted(token));
      return static_cast<std::int32_t>(found);
    };
    const ByteLevelBpe::Merge merge = {id(left), id(right), id(left + right)};
    const auto key =
        static_cast<std::uint64_t>(merge.left) << 32 | static_cast<std::uint64_t>(merge.right);
    if (const auto [first, is_new] = seen.try_emplace(key, i); !is_new)
      merges.at(i).fail(message("the same pair as merges[", first->second, "]"));
    list.push_back(merge);
  }
  return list;
}

void require_null(const JsonView& object, std::string_view key, std::string_view why) {
  if (const auto value = object.find(key)) value->fail(message("must be null: ", why));
}

}  // namespace

void check_tokenizer_json(const JsonView& root) {
  root.only_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                  "post_processor", "decoder", "model"});
  if (const JsonView version = root.at("version"); version.text() != "1.0")
    version.fail("must be \"1.0\", is " + quoted(version.text()));
  require_null(root, "truncation", "lldm cuts texts where it says so, never inside the tokenizer");
  require_null(root, "padding", "lldm pads answers where it says so, never inside the tokenizer");
  const JsonView decoder = root.at("decoder");
  if (const JsonView type = decoder.at("type"); type.text() != "ByteLevel")
    type.fail(
        message("the decoder \"", type.text(), "\" is not implemented\n  implemented: ByteLevel"));
  decoder.only_keys(
      {"type", "add_prefix_space", "trim_offsets", "use_regex"});  // none acts on decoding
}

TokenTable read_vocabulary(const JsonView& model) {
  const JsonView vocab = model.at("vocab");
  vocab.require_object();
  TokenTable table;
  table.text_of_id.resize(vocab.size());
  std::vector<bool> is_taken(vocab.size());
  const auto last = static_cast<std::int64_t>(vocab.size()) - 1;
  for (const auto& [token, value] : vocab.value().items()) {
    if (token.empty()) vocab.fail("holds an empty token");
    if (!value.is_number_integer())
      vocab.fail(
          message(quoted(token), " must have an integer as id, has ", shortened(value.dump(), 40)));
    const bool fits =
        !value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{kMaxId};
    const std::int64_t id = fits ? value.get<std::int64_t>() : -1;
    if (id < 0 || id > last)
      vocab.fail(message(quoted(token), " has the id ", value.dump(), "; ", vocab.size(),
                         " tokens have the ids 0 to ", last, " without holes"));
    if (is_taken[static_cast<std::size_t>(id)])
      vocab.fail(message("two tokens have the id ", id, ": ",
                         quoted(table.text_of_id[static_cast<std::size_t>(id)]), " and ",
                         quoted(token)));
    is_taken[static_cast<std::size_t>(id)] = true;
    table.text_of_id[static_cast<std::size_t>(id)] = token;
    table.id_of_text.emplace(token, id);
  }
  return table;
}

ByteLevelBpe read_byte_level_bpe(const JsonView& model, const TokenTable& table) {
  if (const JsonView type = model.at("type"); type.text() != "BPE")
    type.fail(message("the model \"", type.text(), "\" is not implemented\n  implemented: BPE"));
  model.only_keys({"type", "dropout", "unk_token", "continuing_subword_prefix",
                   "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                   "merges"});
  if (const auto dropout = model.find("dropout"))
    if (!dropout->value().is_number() || dropout->value().get<double>() != 0.0)
      dropout->fail("must be null or 0: merges left out at random give no fixed ids");
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const auto value = model.find(key); value && !value->text().empty())
      value->fail("must be null: not implemented");
  if (const auto fallback = model.find("byte_fallback"); fallback && fallback->boolean())
    fallback->fail("must be false: not implemented");
  if (const auto fuse = model.find("fuse_unk"))
    (void)fuse->boolean();  // acts on the unknown token only

  std::array<std::int32_t, 256> symbols;
  bool has_all = true;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string symbol;
    append_utf8(symbol, byte_symbol(static_cast<unsigned char>(byte)));
    symbols[byte] = static_cast<std::int32_t>(table.find(symbol));
    has_all = has_all && symbols[byte] >= 0;
  }
  if (const auto unknown = model.find("unk_token"); unknown && !has_all)
    unknown->fail(
        "must be null: the vocabulary lacks symbols of single bytes, and replacing them by an "
        "unknown token is not implemented");
  std::unordered_map<std::string, std::int32_t> whole;
  if (const auto ignores = model.find("ignore_merges"); ignores && ignores->boolean())
    for (const auto& [token, id] : table.id_of_text)
      if (auto bytes = bytes_of_symbols(token))
        whole.emplace(std::move(*bytes), static_cast<std::int32_t>(id));
  return ByteLevelBpe(symbols, read_merges(model.at("merges"), table), std::move(whole));
}

std::vector<AddedToken> read_added_tokens(const JsonView& root, TokenTable& table) {
  std::vector<AddedToken> tokens;
  const auto list = root.find("added_tokens");
  if (!list) return tokens;
  list->require_array();
  std::unordered_map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const JsonView json = list->at(i);
    json.only_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token = {.id = json.at("id").integer(0, kMaxId),
                        .content = json.at("content").text(),
                        .single_word = json.at("single_word").boolean(),
                        .lstrip = json.at("lstrip").boolean(),
                        .rstrip = json.at("rstrip").boolean(),
                        .normalized = json.at("normalized").boolean(),
                        .special = json.at("special").boolean()};
    if (token.content.empty()) json.at("content").fail("must not be empty");
    if (const auto [first, is_new] = seen.try_emplace(token.content, i); !is_new)
      json.at("content").fail(message("the same text as added_tokens[", first->second, "]"));
    const auto next = static_cast<std::int64_t>(table.text_of_id.size());
    if (const std::int64_t known = table.find(token.content); known >= 0) {
      token.id = known;
    } else if (token.id != next) {
      json.at("id").fail(message("is ", token.id, ", but ", quoted(token.content),
                                 " gets the next free id, ", next));
    } else {
      table.text_of_id.push_back(token.content);
      table.id_of_text.emplace(token.content, token.id);
    }
    tokens.push_back(token);
  }
  return tokens;
}

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
    const std::int64_t id = list.at(i).integer(0, kMaxId);
    if (table.find(texts.at(i).text()) != id)
      list.at(i).fail(message("is ", id, ", but ", quoted(texts.at(i).text()), " has the id ",
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

void read_processor(const JsonView& json, const TokenTable& table, TemplateTokens& tokens) {
  const JsonView type = json.at("type");
  if (type.text() == "ByteLevel") {
    json.only_keys(
        {"type", "add_prefix_space", "trim_offsets", "use_regex"});  // acts on offsets only
  } else if (type.text() == "TemplateProcessing") {
    if (!tokens.before.empty() || !tokens.behind.empty())
      json.fail("a second template: not implemented");
    read_template(json, table, tokens);
  } else if (type.text() == "Sequence") {
    json.only_keys({"type", "processors"});
    const JsonView list = json.at("processors");
    list.require_array();
    for (std::size_t i = 0; i < list.size(); ++i) read_processor(list.at(i), table, tokens);
  } else {
    type.fail(
        message("the post-processor \"", type.text(),
                "\" is not implemented\n  implemented: ByteLevel, TemplateProcessing, Sequence"));
  }
}

}  // namespace

TemplateTokens read_post_processor(const JsonView& root, const TokenTable& table) {
  TemplateTokens tokens;
  if (const auto json = root.find("post_processor")) read_processor(*json, table, tokens);
  return tokens;
}

}  // namespace lldm
