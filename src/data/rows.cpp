// SPDX-License-Identifier: MIT
// Rows made in memory, and what is told of those of a file.
#include "lldm/data/rows.hpp"

#include "data/bad_rows.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"

namespace lldm {

namespace {

void hash_prompt(ContentHash& hash, const std::vector<Message>& prompt) {
  for (const auto& turn : prompt) hash.add(turn.role).add(turn.content);
}

std::string summarise(const std::string& path, RowForm form, const std::string& published,
                      std::size_t rows, const std::vector<BadRow>& skipped,
                      const std::vector<std::string>& unused) {
  std::string out = message(path, ": ", rows, " rows of form ", row_form_name(form),
                            published.empty() ? "" : " (" + published + ")");
  if (!skipped.empty())
    out += message("; ", skipped.size(), " bad rows skipped:", data::list_bad_rows(path, skipped));
  if (!unused.empty()) {
    out += skipped.empty() ? "; unused keys:" : "\n  unused keys:";
    for (const auto& key : unused) out += " \"" + key + '"';
  }
  return out;
}

}  // namespace

std::string_view row_form_name(RowForm form) {
  switch (form) {
    case RowForm::text:
      return "text";
    case RowForm::prompt_response:
      return "prompt_response";
    case RowForm::conversation:
      return "conversation";
    case RowForm::preference:
      return "preference";
    case RowForm::ranked:
      return "ranked";
    case RowForm::unpaired:
      return "unpaired";
  }
  return "unknown";
}

std::vector<Message> user_prompt(std::string text) { return {{"user", std::move(text)}}; }

TextRow make_text_row(std::uint64_t id, std::string text) {
  const auto hash = ContentHash().add(text).value();
  return {id, hash, std::move(text)};
}

PromptRow make_prompt_row(std::uint64_t id, std::vector<Message> prompt, std::string response) {
  ContentHash hash;
  hash_prompt(hash, prompt);
  hash.add(response);
  return {id, hash.value(), std::move(prompt), std::move(response)};
}

PreferenceRow make_preference_row(std::uint64_t id, std::vector<Message> prompt, std::string chosen,
                                  std::string rejected) {
  ContentHash hash;
  hash_prompt(hash, prompt);
  hash.add(chosen).add(rejected);
  return {id, hash.value(), std::move(prompt), std::move(chosen), std::move(rejected)};
}

UnpairedRow make_unpaired_row(std::uint64_t id, std::vector<Message> prompt, std::string completion,
                              bool label) {
  ContentHash hash;
  hash_prompt(hash, prompt);
  hash.add(completion).add(label ? "wanted" : "not wanted");
  return {id, hash.value(), std::move(prompt), std::move(completion), label};
}

RankedRow make_ranked_row(std::uint64_t id, std::vector<Message> prompt,
                          std::vector<std::string> answers) {
  ContentHash hash;
  hash_prompt(hash, prompt);
  for (const std::string& answer : answers) hash.add(answer);
  return {id, hash.value(), std::move(prompt), std::move(answers)};
}

template <class Row>
std::string RowFile<Row>::summary() const {
  return summarise(path, form, published, rows.size(), skipped, unused_keys);
}
template struct RowFile<TextRow>;
template struct RowFile<PromptRow>;
template struct RowFile<PreferenceRow>;
template struct RowFile<UnpairedRow>;
template struct RowFile<RankedRow>;

}  // namespace lldm
