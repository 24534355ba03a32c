// SPDX-License-Identifier: MIT
#include "data/row_parser.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "data/other_keys.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"

namespace lldm::data {
namespace {

using nlohmann::json;

std::vector<Message> preference_prompt(const json& row, const Side& chosen, const Side& rejected,
                                       UnusedKeys& unused) {
  if (!row.contains("prompt")) {
    if (chosen.before.empty())
      throw RowFault{0, "\"prompt\" is missing and \"chosen\" has no messages before the answer"};
    if (chosen.before != rejected.before)
      throw RowFault{0,
                     "without \"prompt\", the messages before the answers of \"chosen\" and "
                     "\"rejected\" must be the same"};
    return chosen.before;
  }
  auto prompt = to_prompt(row, unused);
  for (const auto* side : {&chosen, &rejected})
    if (!side->before.empty() && side->before != prompt)
      throw RowFault{
          0, message("the messages before the answer of \"",
                     side == &chosen ? "chosen" : "rejected", "\" are not those of \"prompt\"")};
  return prompt;
}

/// "; did you mean ..." of the first key that is nearly one of these forms'; "" where none is.
std::string misspelt(const json& given, const std::vector<RowForm>& accepted) {
  static const std::map<RowForm, std::vector<std::string>> keys = {
      {RowForm::text, {"text"}},
      {RowForm::prompt_response, {"prompt", "response"}},
      {RowForm::conversation, {"conversations", "messages"}},
      {RowForm::preference, {"prompt", "chosen", "rejected"}},
      {RowForm::ranked, {"prompt", "answers"}},
      {RowForm::unpaired, {"prompt", "completion", "label"}}};
  std::vector<std::string> known;
  for (const RowForm form : accepted)
    known.insert(known.end(), keys.at(form).begin(), keys.at(form).end());
  for (const auto& [key, value] : given.items())
    if (const auto close = config::nearest(key, known); close && !std::ranges::count(known, key))
      return message("; did you mean ", config::in_quotes(*close), " by ", config::in_quotes(key),
                     "?");
  return "";
}

}  // namespace

bool shows(const json& row, RowForm form) {
  const auto has = [&](const char* key) {
    const auto found = row.find(key);
    return found != row.end() && !found->is_null();
  };
  switch (form) {
    case RowForm::text:
      return has("text");
    case RowForm::prompt_response:
      return has("prompt") && has("response");
    case RowForm::conversation:
      return has("conversations") || has("messages");
    case RowForm::preference:
      return has("chosen") && has("rejected");
    case RowForm::ranked:
      return has("answers");
    case RowForm::unpaired:
      return has("completion") && has("label");
  }
  return false;
}

RowForm detect_form(const json& row, const json& given, const std::vector<RowForm>& accepted) {
  std::vector<RowForm> shown;
  std::string wanted;
  for (const RowForm form : accepted) {
    if (shows(row, form)) shown.push_back(form);
    wanted += (wanted.empty() ? "" : ", ") + std::string(row_form_name(form));
  }
  if (shown.empty())
    throw RowFault{0, message("of no form that is wanted here (", wanted, "); it has ",
                              keys_of(given), misspelt(given, accepted))};
  // Published rows repeat all they say in "text".
  if (std::ranges::any_of(shown, [&](RowForm form) { return !shows(given, form); }))
    std::erase(shown, RowForm::text);
  // Published preference rows repeat the chosen conversation in "messages".
  if (std::find(shown.begin(), shown.end(), RowForm::preference) != shown.end() &&
      row.contains("messages") && !row.contains("conversations"))
    std::erase(shown, RowForm::conversation);
  if (shown.size() > 1)
    throw RowFault{0, message("of two forms, ", row_form_name(shown[0]), " and ",
                              row_form_name(shown[1]), "; remove the keys of one")};
  return shown.front();
}

TextRow to_text_row(const json& row, std::uint64_t line, UnusedKeys& unused) {
  auto text = string_member(row, "text");
  refuse_empty(text, "text");
  unused.note(row, {"text"}, "");
  return make_text_row(line, std::move(text));
}

PromptRow to_prompt_row(const json& row, RowForm form, std::uint64_t line, UnusedKeys& unused) {
  if (form == RowForm::prompt_response) {
    auto prompt = to_prompt(row, unused);
    auto response = string_member(row, "response");
    refuse_empty(response, "response");
    unused.note(row, {"prompt", "response"}, "");
    return make_prompt_row(line, std::move(prompt), std::move(response));
  }
  const auto has = [&](const char* name) {
    const auto found = row.find(name);
    return found != row.end() && !found->is_null();
  };
  if (has("conversations") && has("messages"))
    throw RowFault{0, "has both \"conversations\" and \"messages\""};
  const std::string key = has("messages") ? "messages" : "conversations";
  auto messages = to_messages(member(row, key), key, unused);
  auto response = take_answer(messages, key);
  if (messages.empty()) throw RowFault{0, message('"', key, "\" has no message before the answer")};
  if (has("system") && row.at("system") != "") {  // as LLaMA-Factory's ShareGPT has it
    if (messages.front().role == "system")
      throw RowFault{0, message("has \"system\", and a message of \"", key, "\" is one too")};
    messages.insert(messages.begin(), {"system", string_member(row, "system")});
  }
  unused.note(row, {key, "system"}, "");
  return make_prompt_row(line, std::move(messages), std::move(response));
}

PreferenceRow to_preference_row(const json& row, std::uint64_t line, UnusedKeys& unused) {
  Side chosen = to_side(row, "chosen", unused), rejected = to_side(row, "rejected", unused);
  auto prompt = preference_prompt(row, chosen, rejected, unused);
  if (trim_white_space(chosen.answer) == trim_white_space(rejected.answer))
    throw RowFault{0, "\"chosen\" and \"rejected\" are the same text"};
  std::set<std::string> known = own_keys();
  known.insert({"prompt", "chosen", "rejected"});
  unused.note(row, known, "");
  return make_preference_row(line, std::move(prompt), std::move(chosen.answer),
                             std::move(rejected.answer));
}

UnpairedRow to_unpaired_row(const json& row, std::uint64_t line, UnusedKeys& unused) {
  auto prompt = to_prompt(row, unused);
  Side side = to_side(row, "completion", unused);
  if (!side.before.empty())
    throw RowFault{0, "\"completion\" must be one assistant message, or a string"};
  const json& label = member(row, "label");
  if (!label.is_boolean())
    throw RowFault{0, message("\"label\" must be true or false, is ", label.type_name())};
  unused.note(row, {"prompt", "completion", "label"}, "");
  return make_unpaired_row(line, std::move(prompt), std::move(side.answer), label.get<bool>());
}

RankedRow to_ranked_row(const json& row, std::uint64_t line, std::int64_t answers,
                        UnusedKeys& unused) {
  auto prompt = to_prompt(row, unused);
  const json& list = member(row, "answers");
  if (!list.is_array())
    throw RowFault{0, message("\"answers\" must be a list of texts, is ", list.type_name())};
  const auto count = static_cast<std::int64_t>(list.size());
  if (answers > 0 ? count != answers : count < 2)
    throw RowFault{0, message("\"answers\" holds ", count, count == 1 ? " answer" : " answers",
                              ", wanted are ", answers > 0 ? message(answers) : "at least 2",
                              " (best first)")};
  std::vector<std::string> texts;
  std::set<std::string_view> seen;
  for (const json& answer : list) {
    if (!answer.is_string())
      throw RowFault{0, message("\"answers\" must be a list of texts, holds ", answer.type_name())};
    texts.push_back(answer.get<std::string>());
    refuse_nul(texts.back(), "answers");
    refuse_empty(texts.back(), "answers");
  }
  for (const std::string& text : texts)
    if (!seen.insert(trim_white_space(text)).second)
      throw RowFault{0, "two of \"answers\" are the same text"};
  unused.note(row, {"prompt", "answers"}, "");
  return make_ranked_row(line, std::move(prompt), std::move(texts));
}

}  // namespace lldm::data
