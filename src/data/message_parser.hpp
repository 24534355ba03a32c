// SPDX-License-Identifier: MIT
// Conversations in a row: turns, roles, prompts and answers.  Internal to src/data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/row_json.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::data {

/// RowFault for rows that bring tools, or calls of them: no template here writes them.
void refuse_tools(const nlohmann::json& row);

/// The turns of a list under `key`, ShareGPT's names of roles made ours.
std::vector<Message> to_messages(const nlohmann::json& list, std::string_view key,
                                 UnusedKeys& unused);

/// "prompt": a string, or a list of messages.
std::vector<Message> to_prompt(const nlohmann::json& row, UnusedKeys& unused);

/// Takes the last message, which must be the assistant's, off a conversation.
std::string take_answer(std::vector<Message>& messages, std::string_view key);

/// One answer of a row: its text, and the messages before it (empty for a plain string).
struct Side {
  std::vector<Message> before;
  std::string answer;
};
Side to_side(const nlohmann::json& row, std::string_view key, UnusedKeys& unused);

}  // namespace lldm::data
