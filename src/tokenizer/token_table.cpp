// SPDX-License-Identifier: MIT
#include "tokenizer/token_table.hpp"

#include <unordered_map>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {

std::string quoted_token(const std::string& token) { return excerpt(token, 0, 60); }

namespace {

/// A vocabulary written as [[token, score], ...]: the ids are the places.
TokenTable read_scored_vocabulary(const JsonView& vocab) {
  TokenTable table;
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const JsonView entry = vocab.at(i);
    if (!entry.value().is_array() || entry.size() != 2) entry.fail("must be [token, score]");
    const std::string& token = entry.at(std::size_t{0}).text();
    if (token.empty()) entry.fail("the token is empty");
    (void)entry.at(1).real();
    const auto [first, is_new] = table.id_of_text.emplace(token, static_cast<std::int64_t>(i));
    if (!is_new) entry.fail(message("the same token as vocab[", first->second, "]"));
    table.text_of_id.push_back(token);
  }
  return table;
}

TokenTable read_vocabulary_of_ids(const JsonView& vocab) {
  vocab.require_object();
  TokenTable table;
  table.text_of_id.resize(vocab.size());
  std::vector<bool> is_taken(vocab.size());
  const auto last = static_cast<std::int64_t>(vocab.size()) - 1;
  for (const auto& [token, value] : vocab.value().items()) {
    if (token.empty()) vocab.fail("holds an empty token");
    if (!value.is_number_integer())
      vocab.fail(message(quoted_token(token), " must have an integer as id, has ",
                         shortened(value.dump(), 40)));
    const bool fits =
        !value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{kMaxTokenId};
    const std::int64_t id = fits ? value.get<std::int64_t>() : -1;
    if (id < 0 || id > last)
      vocab.fail(message(quoted_token(token), " has the id ", value.dump(), "; ", vocab.size(),
                         " tokens have the ids 0 to ", last, " without holes"));
    if (is_taken[static_cast<std::size_t>(id)])
      vocab.fail(message("two tokens have the id ", id, ": ",
                         quoted_token(table.text_of_id[static_cast<std::size_t>(id)]), " and ",
                         quoted_token(token)));
    is_taken[static_cast<std::size_t>(id)] = true;
    table.text_of_id[static_cast<std::size_t>(id)] = token;
    table.id_of_text.emplace(token, id);
  }
  return table;
}

}  // namespace

TokenTable read_vocabulary(const JsonView& model) {
  const JsonView vocab = model.at("vocab");
  TokenTable table =
      vocab.value().is_array() ? read_scored_vocabulary(vocab) : read_vocabulary_of_ids(vocab);
  table.vocabulary_size = static_cast<std::int64_t>(table.text_of_id.size());
  return table;
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
    AddedToken token = {.id = json.at("id").integer(0, kMaxTokenId),
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
      json.at("id").fail(message("is ", token.id, ", but ", quoted_token(token.content),
                                 " gets the next free id, ", next));
    } else {
      table.text_of_id.push_back(token.content);
      table.id_of_text.emplace(token.content, token.id);
    }
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace lldm
