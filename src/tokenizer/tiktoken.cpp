// SPDX-License-Identifier: MIT
#include "tokenizer/tiktoken.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "lldm/errors.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/patterns.hpp"
#include "tokenizer/precompiled_charsmap.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

using nlohmann::json;

/// Every way to put a token together from two, token after token: tiktoken merges whatever gives
/// the token of lowest rank.
json merges_of(const std::vector<std::string>& tokens) {
  std::unordered_map<std::string_view, std::size_t> ranks;
  for (std::size_t rank = 0; rank < tokens.size(); ++rank) ranks.emplace(tokens[rank], rank);
  json merges = json::array();
  for (const std::string& token : tokens) {
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ranks.find(std::string_view(token).substr(0, cut));
      const auto right = ranks.find(std::string_view(token).substr(cut));
      if (left != ranks.end() && right != ranks.end())
        parts.emplace_back(left->second, right->second);
    }
    std::ranges::sort(parts);
    for (const auto& [left, right] : parts)
      merges.push_back({symbols_of_bytes(tokens[left]), symbols_of_bytes(tokens[right])});
  }
  return merges;
}

/// Tokens by rank, as bytes, behind `special` tokens.
std::string as_json(const std::vector<std::string>& tokens, const std::vector<std::string>& special,
                    const std::string& pattern, const std::string& file) {
  json vocab = json::object(), added = json::array();
  for (const std::string& text : special) {
    added.push_back({{"id", added.size()},
                     {"content", text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
    vocab[text] = vocab.size();
  }
  if (vocab.size() != special.size())
    throw DataError(message(file, ": two special tokens have the same text"));
  for (const std::string& token : tokens) {
    const std::string text = symbols_of_bytes(token);
    const auto id = vocab.size();
    if (!vocab.emplace(text, id).second)
      throw DataError(message(file, ": two tokens have the text ", quoted_token(text)));
  }
  const json decoder = {{"type", "ByteLevel"},
                        {"add_prefix_space", false},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  return json{
      {"version", "1.0"},
      {"added_tokens", added},
      {"pre_tokenizer", split_by_pattern(pattern)},
      {"decoder", decoder},
      {"model",
       {{"type", "BPE"}, {"ignore_merges", true}, {"vocab", vocab}, {"merges", merges_of(tokens)}}}}
      .dump();
}

std::string decoded(std::string_view base64, const std::string& where) {
  try {
    return decode_base64(base64);
  } catch (const DataError& error) {
    throw DataError(message(where, ": ", error.what()));
  }
}

}  // namespace

std::string tiktoken_as_json(std::string_view text, const std::string& file,
                             std::string_view pattern) {
  if (pattern.empty())
    throw DataError(message(file,
                            ": a rank file does not say how text is cut into pieces\n  give "
                            "[tokenizer] pattern (--pattern): gpt2, cl100k, o200k, llama3, "
                            "qwen2, or an expression"));
  std::vector<std::string> tokens;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::string where = message(file, ":", number);
    const std::size_t space = line.find(' ');
    std::size_t rank = 0;
    const char* const last = line.data() + line.size();
    if (space == std::string_view::npos ||
        std::from_chars(line.data() + space + 1, last, rank).ptr != last || rank != tokens.size())
      throw DataError(message(where, ": must be base64, a space and the rank ", tokens.size(),
                              ", is ", quoted_token(std::string(line))));
    tokens.push_back(decoded(line.substr(0, space), where));
  }
  return as_json(tokens, {}, pattern_named(pattern), file);
}

std::string tekken_as_json(std::string_view text, const std::string& file) {
  const json root = parse_json(text, file);
  const JsonView view(root, file);
  const JsonView config = view.at("config"), vocab = view.at("vocab");
  const std::int64_t num_special = config.at("default_num_special_tokens").integer(0, kMaxTokenId);
  const std::int64_t size = config.at("default_vocab_size").integer(num_special, kMaxTokenId);
  vocab.require_array();
  std::vector<std::string> special, tokens;
  for (std::int64_t i = 0; i < num_special; ++i) special.push_back(message("<SPECIAL_", i, ">"));
  if (const auto list = view.find("special_tokens")) {
    list->require_array();
    for (std::size_t i = 0; i < list->size(); ++i) {
      const JsonView entry = list->at(i);
      const std::int64_t rank = entry.at("rank").integer(0, num_special - 1);
      special[static_cast<std::size_t>(rank)] = entry.at("token_str").text();
    }
  } else {
    view.fail("has no \"special_tokens\": a file this old takes them from its package");
  }
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    if (static_cast<std::int64_t>(i) >= size - num_special) break;  // as the original: the first
    const JsonView entry = vocab.at(i);
    if (entry.at("rank").integer(0, kMaxTokenId) != static_cast<std::int64_t>(i))
      entry.at("rank").fail(message("must be ", i, ": ranks rise by one"));
    tokens.push_back(decoded(entry.at("token_bytes").text(), message(file, ": vocab[", i, "]")));
  }
  return as_json(tokens, special, config.at("pattern").text(), file);
}

}  // namespace lldm
