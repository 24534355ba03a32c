// SPDX-License-Identifier: MIT
#include "tokenizer/file_vocabulary.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {

using nlohmann::json;

FileVocabulary::FileVocabulary(const json& tokenizer) {
  if (!tokenizer.is_object()) return;
  const auto model = tokenizer.find("model");
  if (model != tokenizer.end() && model->is_object() && model->contains("vocab"))
    add_all((*model)["vocab"]);
  const auto added = tokenizer.find("added_tokens");
  if (added == tokenizer.end() || !added->is_array()) return;
  for (const json& token : *added)
    if (token.is_object() && token.contains("id") && token["id"].is_number_integer() &&
        token.contains("content") && token["content"].is_string())
      add(token["content"].get<std::string>(), token["id"].get<std::int64_t>());
}

void FileVocabulary::add(const std::string& text, std::int64_t id) {
  if (!ids_.try_emplace(text, id).second) return;
  texts_.try_emplace(id, text);
  next_ = std::max(next_, id + 1);
}

std::optional<std::string> FileVocabulary::text_of(std::int64_t id) const {
  const auto found = texts_.find(id);
  return found == texts_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> FileVocabulary::id_of(const std::string& text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string FileVocabulary::shown(std::int64_t id) const {
  const auto text = text_of(id);
  return text ? message(id, ", which is \"", *text, "\"") : message(id);
}

void FileVocabulary::add_all(const json& vocab) {
  for (std::size_t i = 0; vocab.is_array() && i < vocab.size(); ++i)
    if (const json& entry = vocab[i]; entry.is_array() && !entry.empty() && entry[0].is_string())
      add(entry[0].get<std::string>(), static_cast<std::int64_t>(i));
  if (vocab.is_object())
    for (const auto& [text, id] : vocab.items())
      if (id.is_number_integer()) add(text, id.get<std::int64_t>());
}

}  // namespace lldm
