// SPDX-License-Identifier: MIT
#include "data/row_json.hpp"

#include <algorithm>

#include "lldm/config/diagnostics.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "text/json.hpp"

namespace lldm::data {

using nlohmann::json;

std::string keys_of(const json& row) {
  constexpr std::size_t kMaxReason = 200;
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

namespace {

/// "; did you mean "completion" by "completin"?" for keys that no row has; "" where none is near.
std::string misspelt_keys(const json& row) {
  std::string out;
  for (const auto& [key, value] : row.items()) {
    if (std::ranges::find(column_names(), key) != column_names().end()) continue;
    if (const auto meant = config::nearest(key, column_names()); meant && !row.contains(*meant))
      out += message("; did you mean \"", *meant, "\" by \"", shortened(key, 40), "\"?");
  }
  return out;
}

}  // namespace

const json& member(const json& row, std::string_view key) {
  const auto found = row.find(key);
  if (found == row.end())
    throw RowFault{
        0, message('"', key, "\" is missing; the row has ", keys_of(row), misspelt_keys(row))};
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

}  // namespace lldm::data
