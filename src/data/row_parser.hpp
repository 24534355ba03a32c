// SPDX-License-Identifier: MIT
// One line of JSON -> one row.  Internal to src/data.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_reader.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::data {

/// Why a row is refused; caught by the readers.
struct RowFault {
  std::uint64_t column;  // byte from 1, or 0
  std::string reason;
};

/// Keys that a row holds and no form reads: in order of appearance, each once.
class UnusedKeys {
 public:
  void note(const nlohmann::json& object, const std::set<std::string>& used,
            std::string_view prefix);
  void note(std::string name);
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

/// The JSON object of a line.  RowFault on anything else: bad bytes, bad JSON, a key twice, depth
/// over 64.
nlohmann::json parse_line(std::string_view line);

/// The JSON object of the reader's present row.  RowFault also for a row over the reader's limit
/// and for what is wrong with the array around it.
nlohmann::json parse_row(const LineReader& lines);

/// The row with the keys that the readers know.  RowFault for a column that it has not.
nlohmann::json with_columns(nlohmann::json row, const Columns& columns, UnusedKeys& unused);

/// RowFault for rows that bring tools, or calls of them: no template here writes them.
void refuse_tools(const nlohmann::json& row);

/// The form that the keys of a row show, among `accepted`.  RowFault if none or several.
RowForm detect_form(const nlohmann::json& row, const std::vector<RowForm>& accepted);

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
