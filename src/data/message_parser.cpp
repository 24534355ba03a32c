// SPDX-License-Identifier: MIT
#include "data/message_parser.hpp"

#include <map>
#include <set>

#include "lldm/config/diagnostics.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::data {
namespace {

using nlohmann::json;

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

}  // namespace

void refuse_tools(const json& row) {
  for (const char* key : {"tools", "functions", "tool_calls", "function_call"})
    if (const auto found = row.find(key);
        found != row.end() && !found->empty() && *found != "" && *found != "[]")
      throw RowFault{0, message("has ", config::in_quotes(key), "; ", kNoTools)};
}

std::vector<Message> to_messages(const json& list, std::string_view key, UnusedKeys& unused) {
  if (!list.is_array())
    throw RowFault{0, message('"', key, "\" must be a list of messages, is ", list.type_name())};
  std::vector<Message> messages;
  for (const json& turn : list) messages.push_back(to_message(turn, key, unused));
  return messages;
}

std::vector<Message> to_prompt(const json& row, UnusedKeys& unused) {
  const json& given = member(row, "prompt");
  return given.is_array() ? to_messages(given, "prompt", unused)
                          : user_prompt(string_member(row, "prompt"));
}

std::string take_answer(std::vector<Message>& messages, std::string_view key) {
  if (messages.empty() || messages.back().role != "assistant")
    throw RowFault{0, message('"', key, "\" must end with an assistant message",
                              messages.empty() ? ", is empty"
                                               : ", ends with \"" + messages.back().role + '"')};
  std::string answer = std::move(messages.back().content);
  messages.pop_back();
  if (trim_white_space(answer).empty())
    throw RowFault{0, message("the answer, the last message of \"", key, "\", is empty")};
  return answer;
}

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

}  // namespace lldm::data
