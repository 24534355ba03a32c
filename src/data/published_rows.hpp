// SPDX-License-Identifier: MIT
// Rows as other projects publish them, under the keys that the readers here know.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lldm/data/rows.hpp"

namespace lldm::data {

/// The row with the keys of the form that it is:
///   {instruction, input, output}   alpaca: prompt is the instruction, and the input a line below
///                                  where there is one; response is the output; "system" and the
///                                  pairs of "history" are messages before them
///   {prompt, completion}           strings: response; lists of messages: one conversation
///   {chosen, rejected} as strings  of turns after "\n\nHuman:" and "\n\nAssistant:" (HH-RLHF):
///                                  lists of messages
///   {instruction, completions: [{response, overall_score}]}   UltraFeedback as it was annotated:
///                                  the best answer is chosen, the worst rejected
/// Every other row, and one that is half of these, is given back as it is.
/// Source  TRL's and LLaMA-Factory's pages on dataset formats (the latter: the line between
///         instruction and input)
nlohmann::json standard_row(nlohmann::json row);

/// As whom a row of this form is written, before `standard_row`: "alpaca", "TRL", "HH-RLHF",
/// "UltraFeedback", "ShareGPT", "messages", "implicit prompt"; "" for the form's own keys.
std::string published_as(const nlohmann::json& row, RowForm form);

}  // namespace lldm::data
