// SPDX-License-Identifier: MIT
// A row's JSON object -> a row of a form.  Internal to src/data.
#pragma once

#include <cstdint>
#include <vector>

#include "data/message_parser.hpp"
#include "data/row_json.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::data {

/// Whether a row has the keys of a form; one that is null is none.
bool shows(const nlohmann::json& row, RowForm form);

/// The form that the keys of a row show, among `accepted`.  RowFault if none or several.  `given`
/// is the row as the file has it, `row` its `standard_row`: "text" beside a published form, as
/// alpaca has it, is a key like others, and a message names the file's keys.
RowForm detect_form(const nlohmann::json& row, const nlohmann::json& given,
                    const std::vector<RowForm>& accepted);

TextRow to_text_row(const nlohmann::json& row, std::uint64_t line, UnusedKeys& unused);
/// `form` is prompt_response or conversation.
PromptRow to_prompt_row(const nlohmann::json& row, RowForm form, std::uint64_t line,
                        UnusedKeys& unused);
PreferenceRow to_preference_row(const nlohmann::json& row, std::uint64_t line, UnusedKeys& unused);

UnpairedRow to_unpaired_row(const nlohmann::json& row, std::uint64_t line, UnusedKeys& unused);

/// `answers` = 0: any number from 2 on.
RankedRow to_ranked_row(const nlohmann::json& row, std::uint64_t line, std::int64_t answers,
                        UnusedKeys& unused);

}  // namespace lldm::data
