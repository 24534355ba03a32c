// SPDX-License-Identifier: MIT
#include "tokenizer/bpe_reader.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/byte_level_bpe.hpp"
#include "tokenizer/character_bpe.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

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
      fail("must be two tokens with one space between them, is " + quoted_token(text));
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  if (merge.first.empty() || merge.second.empty()) fail("a part is empty");
  return merge;
}

/// The ids of a merge; `prefix` stands once between the two texts and is no part of the result.
BpeMerges::Merge find_merge(const JsonView& entry, const TokenTable& table,
                            const std::pair<std::string, std::string>& parts,
                            const std::string& prefix) {
  const auto id = [&](const std::string& token) {
    const std::int64_t found = table.find(token);
    if (found < 0 || found >= table.vocabulary_size)
      entry.fail("the vocabulary has no " + quoted_token(token));
    return static_cast<std::int32_t>(found);
  };
  const auto& [left, right] = parts;
  if (!right.starts_with(prefix))
    entry.fail(message(quoted_token(right), " does not begin with the continuing_subword_prefix ",
                       quoted_token(prefix)));
  return {id(left), id(right), id(left + right.substr(prefix.size()))};
}

std::vector<BpeMerges::Merge> read_merges(const JsonView& merges, const TokenTable& table,
                                          const std::string& prefix) {
  merges.require_array();
  std::vector<BpeMerges::Merge> list;
  list.reserve(merges.size());
  std::unordered_map<std::uint64_t, std::size_t> seen;
  seen.reserve(merges.size());
  const bool is_pair = merges.size() > 0 && merges.value()[0].is_array();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const nlohmann::json& entry = merges.value()[i];
    if (i == 0 && entry.is_string() && entry.get_ref<const std::string&>().starts_with("#version"))
      continue;  // the first line of a merges.txt
    const BpeMerges::Merge merge =
        find_merge(merges.at(i), table, read_merge(entry, is_pair, merges, i), prefix);
    const auto key =
        static_cast<std::uint64_t>(merge.left) << 32 | static_cast<std::uint64_t>(merge.right);
    if (const auto [first, is_new] = seen.try_emplace(key, i); !is_new)
      merges.at(i).fail(message("the same pair as merges[", first->second, "]"));
    list.push_back(merge);
  }
  return list;
}

std::string text_or_empty(const JsonView& model, std::string_view key) {
  const auto value = model.find(key);
  return value ? value->text() : "";
}

bool is_true(const JsonView& model, std::string_view key) {
  const auto value = model.find(key);
  return value && value->boolean();
}

/// Id of each byte's symbol in the alphabet of byte-level BPE; -1 where there is none.
std::array<std::int32_t, 256> byte_symbols(const TokenTable& table) {
  std::array<std::int32_t, 256> symbols;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string symbol;
    append_utf8(symbol, byte_symbol(static_cast<unsigned char>(byte)));
    const std::int64_t id = table.find(symbol);
    symbols[byte] = id < table.vocabulary_size ? static_cast<std::int32_t>(id) : -1;
  }
  return symbols;
}

/// Pieces that are one token without merging.
TextMap<std::int32_t> whole_pieces(const TokenTable& table) {
  TextMap<std::int32_t> whole;
  for (std::int64_t id = 0; id < table.vocabulary_size; ++id) {
    const std::string& token = table.text_of_id[static_cast<std::size_t>(id)];
    if (auto bytes = bytes_of_symbols(token);
        bytes && table.find_for_text(token, SpecialText::plain) >= 0)
      whole.emplace(std::move(*bytes), static_cast<std::int32_t>(id));
  }
  return whole;
}

/// A suffix that no token has would lose the last character of every piece in silence.
void check_suffix(const JsonView& model, const CharacterBpe::Settings& settings,
                  const TokenTable& table) {
  if (settings.suffix.empty() || settings.unknown >= 0) return;
  const bool is_used =
      std::any_of(table.text_of_id.begin(), table.text_of_id.begin() + table.vocabulary_size,
                  [&](const std::string& token) { return token.ends_with(settings.suffix); });
  if (!is_used)
    model.at("end_of_word_suffix")
        .fail(message("no token ends with ", quoted_token(settings.suffix),
                      ", and there is no unknown token: every piece would lose its end"));
}

}  // namespace

std::unique_ptr<TokenModel> read_bpe(const JsonView& model, const TokenTable& table,
                                     const ModelContext& context) {
  model.only_keys({"type", "dropout", "unk_token", "continuing_subword_prefix",
                   "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                   "merges"});
  if (const auto dropout = model.find("dropout"))
    if (!dropout->value().is_number() || dropout->value().get<double>() != 0.0)
      dropout->fail("must be null or 0: merges left out at random give no fixed ids");
  CharacterBpe::Settings settings = {
      .prefix = text_or_empty(model, "continuing_subword_prefix"),
      .suffix = text_or_empty(model, "end_of_word_suffix"),
      .unknown = read_unknown(model, table),
      .fuses_unknown = is_true(model, "fuse_unk"),
      .byte_fallback = is_true(model, "byte_fallback"),
      .takes_whole_pieces = is_true(model, "ignore_merges"),
  };
  check_suffix(model, settings, table);
  const auto merges = read_merges(model.at("merges"), table, settings.prefix);
  const auto symbols = byte_symbols(table);
  const bool has_all = std::count(symbols.begin(), symbols.end(), ByteLevelBpe::kNoSymbol) == 0;
  const auto unknown = model.find("unk_token");
  const bool is_plain = settings.prefix.empty() && settings.suffix.empty() &&
                        (has_all || (!unknown && !settings.byte_fallback));
  if (context.after_byte_level && is_plain)
    return std::make_unique<ByteLevelBpe>(
        symbols, BpeMerges(merges, context.ranks == MergeRanks::by_result),
        settings.takes_whole_pieces ? whole_pieces(table) : TextMap<std::int32_t>());
  if (unknown && settings.unknown < 0)
    unknown->fail("the vocabulary has no " + quoted_token(unknown->text()));
  return std::make_unique<CharacterBpe>(table, merges, context.ranks, std::move(settings));
}

}  // namespace lldm
