// SPDX-License-Identifier: MIT
// One line of JSON -> an object and its members.  Internal to src/data.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_reader.hpp"
#include "lldm/data/columns.hpp"

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

/// The row's keys in quotes, as far as a message has room for.
std::string keys_of(const nlohmann::json& row);

/// A member, or one that is a string without NUL characters.  RowFault if it is none.
const nlohmann::json& member(const nlohmann::json& row, std::string_view key);
std::string string_member(const nlohmann::json& row, std::string_view key);

/// RowFault for a text with a NUL character, and for one of white space alone.
void refuse_nul(const std::string& text, std::string_view key);
void refuse_empty(std::string_view text, std::string_view key);

}  // namespace lldm::data
