// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/words.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/builtin_special.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/saved_tokenizer.hpp"

namespace lldm {

struct WordsTokenizer::State {
  std::vector<std::string> words;
  std::unordered_map<std::string_view, std::int64_t> id_of_word;  // views of `words`
  BuiltinSpecial special;

  State(std::vector<std::string> list, const SpecialNames& names)
      : words(std::move(list)), special(names, static_cast<std::int64_t>(words.size())) {}
  State(const State&) = delete;

  [[nodiscard]] std::string saved() const {
    nlohmann::json json = saved_tokenizer(WordsTokenizer::name(), special.names(), special.ids());
    json["words"] = words;
    return saved_text(json);
  }
  [[noreturn]] void refuse(std::string_view word, std::string_view text) const;
};

WordsTokenizer::WordsTokenizer(std::vector<std::string> words, const SpecialNames& special) {
  auto state = std::make_shared<State>(std::move(words), special);
  if (state->words.empty()) throw DataError("WordsTokenizer: the vocabulary is empty");
  std::vector<std::string_view> parts;
  for (std::size_t id = 0; id < state->words.size(); ++id) {
    const std::string& word = state->words[id];
    require_utf8(word, "WordsTokenizer");
    split_words(word, parts);
    if (parts.size() != 1 || parts[0] != word)
      throw DataError(message("WordsTokenizer: ", excerpt(word, 0), " is not one word"));
    if (!state->id_of_word.emplace(word, id).second)
      throw DataError(message("WordsTokenizer: the word ", excerpt(word, 0), " appears twice"));
  }
  for (const std::string& text : state->special.texts())
    if (state->id_of_word.contains(text))
      throw DataError(message("WordsTokenizer: the special token \"", text,
                              "\" is also a word of the data\n  give it a text that no data holds, "
                              "like \"<",
                              text, ">\""));
  state_ = std::move(state);
}

WordsTokenizer WordsTokenizer::build(std::span<const std::string> texts, const Settings& settings) {
  std::unordered_map<std::string_view, std::int64_t> count_of_word;
  std::vector<std::string_view> words;
  for (const std::string& text : texts) {
    require_utf8(text, "WordsTokenizer::build");
    split_words(text, words);
    for (const std::string_view word : words) ++count_of_word[word];
  }
  std::vector<std::pair<std::int64_t, std::string_view>> kept;  // minus count, word
  for (const auto& [word, count] : count_of_word)
    if (count >= settings.min_count) kept.emplace_back(-count, word);
  if (kept.empty())
    throw DataError(message("WordsTokenizer::build: no word is seen at least ", settings.min_count,
                            " times in ", texts.size(), " texts"));
  std::sort(kept.begin(), kept.end());
  std::vector<std::string> vocabulary;
  vocabulary.reserve(kept.size());
  for (const auto& [unused, word] : kept) vocabulary.emplace_back(word);
  return {std::move(vocabulary), settings.special};
}

void WordsTokenizer::State::refuse(std::string_view word, std::string_view text) const {
  const auto at = static_cast<std::size_t>(word.data() - text.data());
  const std::string near = near_words(word, words);
  throw DataError(message("words: the vocabulary of ", words.size(), " words has no ",
                          excerpt(word, 0, 60), near.empty() ? "" : "\n  ", near,
                          "\n  in: ", excerpt(text, at)));
}

std::vector<std::int64_t> WordsTokenizer::encode(std::string_view text, SpecialText mode) const {
  require_utf8(text, "WordsTokenizer::encode");
  std::vector<std::int64_t> ids;
  ids.reserve(text.size() / 4 + 4);
  std::vector<std::string_view> words;
  state_->special.split(
      text, mode,
      [&](std::string_view part) {
        split_words(part, words);
        for (const std::string_view word : words) {
          const auto found = state_->id_of_word.find(word);
          if (found == state_->id_of_word.end()) state_->refuse(word, text);
          ids.push_back(found->second);
        }
      },
      [&](std::int64_t id) { ids.push_back(id); });
  return ids;
}

std::string WordsTokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string text;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(
          message("WordsTokenizer::decode: id ", id, " is outside [0, ", vocabulary_size(), ")"));
    const std::string* special = state_->special.text_of(id);
    if (special && skip_special) continue;
    const std::string& word = special ? *special : state_->words[static_cast<std::size_t>(id)];
    if (!text.empty() && text.back() != '\n' && word != "\n") text += ' ';
    text += word;
  }
  return text;
}

std::int64_t WordsTokenizer::vocabulary_size() const { return state_->special.end_id(); }

const SpecialTokens& WordsTokenizer::special() const { return state_->special.ids(); }

std::span<const std::string> WordsTokenizer::words() const { return state_->words; }

void WordsTokenizer::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / kSavedTokenizer, state_->saved(), real_file_ops());
}

std::string WordsTokenizer::fingerprint() const { return sha256_hex(state_->saved()); }

}  // namespace lldm
