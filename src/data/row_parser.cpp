// SPDX-License-Identifier: MIT
#include "data/row_parser.hpp"

#include <algorithm>
#include <map>

#include "lldm/config/diagnostics.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "text/json.hpp"

namespace lldm::data {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReason = 200;

std::string keys_of(const json& row) {
  std::string out;
  for (const auto& [key, value] : row.items()) {
    out += (out.empty() ? "\"" : ", \"") + shortened(key, 40) + "\"";
    if (out.size() > kMaxReason) return out + ", ...";
  }
  return out.empty() ? "no keys" : out;
}

void refuse_nul(const std::string& text, std::string_view key) {
  if (text.find('\0') != std::string::npos)
    throw RowFault{0, message('"', key, "\" holds a NUL character")};
}

const json& member(const json& row, std::string_view key) {
  const auto found = row.find(key);
  if (found == row.end())
    throw RowFault{0, message('"', key, "\" is missing; the row has ", keys_of(row))};
  return *found;
}

std::string string_member(const json& row, std::string_view key) {
  const json& value = member(row, key);
  if (!value.is_string())
    throw RowFault{0, message('"', key, "\" must be a string, is ", value.type_name())};
  auto text = value.get<std::string>();
  refuse_nul(text, key);
  return text;
}

void refuse_empty(std::string_view text, std::string_view key) {
  if (trim_white_space(text).empty()) throw RowFault{0, message('"', key, "\" is empty")};
}

constexpr const char* kNoTools =
    "tools are not supported: no template here writes calls or their results";

bool is_tool_role(std::string_view role) {
  static const std::set<std::string_view> names = {"tool",        "function", "function_call",
                                                   "observation", "ipython",  "tool_response"};
  return names.contains(role);
}

/// A role under the name the templates write; a row with any other is refused.
std::string known_role(const std::string& role, std::string_view key) {
  static const std::map<std::string_view, const char*> names = {
      {"system", "system"},   {"developer", "system"},  {"user", "user"},
      {"human", "user"},      {"prompter", "user"},     {"assistant", "assistant"},
      {"gpt", "assistant"},   {"chatgpt", "assistant"}, {"bot", "assistant"},
      {"model", "assistant"}, {"ai", "assistant"}};
  if (const auto found = names.find(role); found != names.end()) return found->second;
  if (is_tool_role(role))
    throw RowFault{0,
                   message("a message of \"", key, "\" has the role \"", role, "\"; ", kNoTools)};
  throw RowFault{0, message("a message of \"", key, "\" has the role \"", shortened(role, 40),
                            "\", which no template here writes; legal: system (developer), user "
                            "(human, prompter), assistant (gpt, chatgpt, bot, model, ai)")};
}

Message to_message(const json& turn, std::string_view key, UnusedKeys& unused) {
  if (!turn.is_object())
    throw RowFault{0, message('"', key, "\" must be a list of messages, holds ", turn.type_name())};
  refuse_tools(turn);
  const bool is_sharegpt = turn.contains("from");
  if (is_sharegpt == turn.contains("role"))
    throw RowFault{0, message("a message of \"", key,
                              "\" must have either \"role\" or \"from\", has ", keys_of(turn))};
  const std::string role_key = is_sharegpt ? "from" : "role",
                    content_key = is_sharegpt ? "value" : "content";
  Message result{string_member(turn, role_key), string_member(turn, content_key)};
  if (result.role.empty())
    throw RowFault{0, message("a message of \"", key, "\" has an empty \"", role_key, '"')};
  result.role = known_role(result.role, key);
  unused.note(turn, {role_key, content_key}, message(key, "[]."));
  return result;
}

std::vector<Message> to_messages(const json& list, std::string_view key, UnusedKeys& unused) {
  if (!list.is_array())
    throw RowFault{0, message('"', key, "\" must be a list of messages, is ", list.type_name())};
  std::vector<Message> messages;
  for (const json& turn : list) messages.push_back(to_message(turn, key, unused));
  return messages;
}

/// "prompt": a string, or a list of messages.
std::vector<Message> to_prompt(const json& row, UnusedKeys& unused) {
  const json& given = member(row, "prompt");
  return given.is_array() ? to_messages(given, "prompt", unused)
                          : user_prompt(string_member(row, "prompt"));
}

// Takes the last message, which must be the assistant's, off a conversation.
std::string take_answer(std::vector<Message>& messages, std::string_view key) {
  if (messages.empty() || messages.back().role != "assistant")
    throw RowFault{0, message('"', key, "\" must end with an assistant message",
                              messages.empty() ? ", is empty"
                                               : ", ends with \"" + messages.back().role + '"')};
  std::string answer = std::move(messages.back().content);
  messages.pop_back();
  refuse_empty(answer, key);
  return answer;
}

// One side of a preference row: the answer, and the messages before it (empty for a plain string).
struct Side {
  std::vector<Message> before;
  std::string answer;
};

Side to_side(const json& row, std::string_view key, UnusedKeys& unused) {
  const json& value = member(row, key);
  if (value.is_string()) {
    Side side{{}, string_member(row, key)};
    refuse_empty(side.answer, key);
    return side;
  }
  if (!value.is_array())
    throw RowFault{
        0, message('"', key, "\" must be a string or a list of messages, is ", value.type_name())};
  Side side;
  side.before = to_messages(value, key, unused);
  side.answer = take_answer(side.before, key);
  return side;
}

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

bool shows(const json& row, RowForm form) {
  switch (form) {
    case RowForm::text:
      return row.contains("text");
    case RowForm::prompt_response:
      return row.contains("prompt") && row.contains("response");
    case RowForm::conversation:
      return row.contains("conversations") || row.contains("messages");
    case RowForm::preference:
      return row.contains("chosen") && row.contains("rejected");
    case RowForm::ranked:
      return row.contains("answers");
    case RowForm::unpaired:
      return row.contains("completion") && row.contains("label");
  }
  return false;
}

}  // namespace

void UnusedKeys::note(std::string name) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end())
    names_.push_back(std::move(name));
}

void UnusedKeys::note(const json& object, const std::set<std::string>& used,
                      std::string_view prefix) {
  for (const auto& [key, value] : object.items()) {
    if (!used.contains(key)) note(message(prefix, key));
  }
}

json parse_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) throw RowFault{0, "empty line"};
  try {
    json row = parse_json(line, "row");
    if (!row.is_object())
      throw RowFault{0, message("a row must be a JSON object, is ", row.type_name())};
    return row;
  } catch (const JsonError& error) {
    std::size_t begin = 0;  // of the line at fault: an element of an array may stand on several
    for (std::size_t l = 1; l < error.line(); ++l) begin = line.find('\n', begin) + 1;
    throw RowFault{begin + error.column(), error.reason()};
  }
}

json parse_row(const LineReader& lines) {
  if (!lines.array_problem().empty()) throw RowFault{0, lines.array_problem()};
  if (lines.is_too_long())
    throw RowFault{0, message(lines.is_array() ? "the element" : "the line", " has ",
                              lines.num_bytes(), " bytes, the limit is ", lines.max_bytes())};
  return parse_line(lines.line());
}

json with_columns(json row, const Columns& columns, UnusedKeys& unused) {
  std::vector<std::pair<std::string, json>> taken;
  for (const auto& [ours, theirs] : columns) {
    const auto found = row.find(theirs);
    if (found == row.end()) {
      std::vector<std::string> keys;
      for (const auto& [key, value] : row.items()) keys.push_back(key);
      throw RowFault{0, message("has no column ", config::in_quotes(theirs), " (columns.", ours,
                                "); ", config::did_you_mean(theirs, keys, "columns"))};
    }
    taken.emplace_back(ours, *found);
  }
  for (const auto& [ours, theirs] : columns) row.erase(theirs);
  for (auto& [ours, value] : taken) {
    if (row.contains(ours)) unused.note(ours);
    row[ours] = std::move(value);
  }
  return row;
}

void refuse_tools(const json& row) {
  for (const char* key : {"tools", "functions", "tool_calls", "function_call"})
    if (const auto found = row.find(key);
        found != row.end() && !found->empty() && *found != "" && *found != "[]")
      throw RowFault{0, message("has ", config::in_quotes(key), "; ", kNoTools)};
}

RowForm detect_form(const json& row, const std::vector<RowForm>& accepted) {
  std::vector<RowForm> shown;
  std::string wanted;
  for (const RowForm form : accepted) {
    if (shows(row, form)) shown.push_back(form);
    wanted += (wanted.empty() ? "" : ", ") + std::string(row_form_name(form));
  }
  if (shown.empty())
    throw RowFault{0,
                   message("of no form that is wanted here (", wanted, "); it has ", keys_of(row))};
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
  if (row.contains("conversations") && row.contains("messages"))
    throw RowFault{0, "has both \"conversations\" and \"messages\""};
  const std::string key = row.contains("messages") ? "messages" : "conversations";
  auto messages = to_messages(member(row, key), key, unused);
  auto response = take_answer(messages, key);
  if (messages.empty()) throw RowFault{0, message('"', key, "\" has no message before the answer")};
  if (row.contains("system") && row.at("system") != "") {  // as LLaMA-Factory's ShareGPT has it
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
  // The others are what pairs of ours say of themselves (docs/reasoning_pairs.md).
  static const std::set<std::string> known = {
      "prompt",         "chosen",         "rejected",         "id",        "error", "grade_chosen",
      "grade_rejected", "outcome_chosen", "outcome_rejected", "provenance"};
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
