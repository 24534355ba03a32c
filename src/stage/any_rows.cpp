// SPDX-License-Identifier: MIT
#include "stage/any_rows.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/bad_rows.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

template <class Row, class Convert>
AnyRows any_of(RowFile<Row> file, const Convert& convert) {
  AnyRows any{file.path,
              file.summary(),
              file.form,
              file.num_lines,
              {},
              std::move(file.skipped),
              std::move(file.unused_keys)};
  any.rows.reserve(file.rows.size());
  for (Row& row : file.rows) {
    SourceRow source{.id = row.id, .prompt = {}, .messages = {}, .answers = {}};
    source.place = data::place_of(file, row.id);
    convert(row, source);
    any.rows.push_back(std::move(source));
  }
  return any;
}

/// How the file is read: the two forms of one answer are read alike.
RowForm form_of(const std::filesystem::path& path, const RowReaderOptions& options,
                const std::vector<RowForm>& accepted) {
  const bool is_one = std::ranges::all_of(accepted, [](RowForm form) {
    return form == RowForm::prompt_response || form == RowForm::conversation;
  });
  if (!accepted.empty() && (accepted.size() == 1 || is_one)) return accepted.front();
  return detect_row_form(path, accepted, options);
}

using ordered = nlohmann::ordered_json;

ordered json_of(const std::vector<Message>& messages) {
  ordered list = ordered::array();
  for (const Message& turn : messages)
    list.push_back({{"role", turn.role}, {"content", turn.content}});
  return list;
}

bool is_plain(const std::vector<Message>& prompt) {
  return prompt.size() == 1 && prompt.front().role == "user";
}

}  // namespace

AnyRows read_any_rows(const std::filesystem::path& path, const RowReaderOptions& options,
                      const std::vector<RowForm>& accepted) {
  switch (form_of(path, options, accepted)) {
    case RowForm::text:
      return any_of(read_text_rows(path, options), [](TextRow& row, SourceRow& source) {
        source.answers = {std::move(row.text)};
      });
    case RowForm::prompt_response:
    case RowForm::conversation:
      return any_of(read_prompt_rows(path, options), [](PromptRow& row, SourceRow& source) {
        source.messages = std::move(row.prompt);
        source.answers = {std::move(row.response)};
      });
    case RowForm::preference:
      return any_of(read_preference_rows(path, options), [](PreferenceRow& row, SourceRow& source) {
        source.messages = std::move(row.prompt);
        source.answers = {std::move(row.chosen), std::move(row.rejected)};
      });
    case RowForm::ranked:
      return any_of(read_ranked_rows(path, 0, options), [](RankedRow& row, SourceRow& source) {
        source.messages = std::move(row.prompt);
        source.answers = std::move(row.answers);
      });
    case RowForm::unpaired:
      break;
  }
  return any_of(read_unpaired_rows(path, options), [](UnpairedRow& row, SourceRow& source) {
    source.messages = std::move(row.prompt);
    source.answers = {std::move(row.completion)};
    source.wanted = row.label;
  });
}

nlohmann::ordered_json row_json(const SourceRow& row, RowForm form) {
  if (form == RowForm::text) return {{"text", row.answers.front()}};
  const bool is_answer = form == RowForm::prompt_response || form == RowForm::conversation;
  ordered line;
  if (is_answer && !is_plain(row.messages)) {
    line["messages"] = json_of(row.messages);
    line["messages"].push_back({{"role", "assistant"}, {"content", row.answers.front()}});
    return line;
  }
  if (is_plain(row.messages))
    line["prompt"] = row.messages.front().content;
  else
    line["prompt"] = json_of(row.messages);
  if (is_answer) line["response"] = row.answers.front();
  if (form == RowForm::preference) {
    line["chosen"] = row.answers.at(0);
    line["rejected"] = row.answers.at(1);
  }
  if (form == RowForm::ranked) line["answers"] = row.answers;
  if (form == RowForm::unpaired) {
    line["completion"] = row.answers.front();
    line["label"] = row.wanted.value();
  }
  return line;
}

std::string row_line(const SourceRow& row, RowForm form) { return row_json(row, form).dump(); }

}  // namespace lldm
