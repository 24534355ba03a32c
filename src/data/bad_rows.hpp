// SPDX-License-Identifier: MIT
// How refused rows are listed.  Internal to the readers of JSONL files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_reader.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::data {

/// One line a row, "\n  path:line:column: reason", for the first twenty, then the count of the
/// others.
[[nodiscard]] std::string list_bad_rows(const std::string& path, const std::vector<BadRow>& bad);

/// The reader's present row, refused.  `column` is a byte of the row's text, 0 where the whole row
/// is meant.  An element of an array may stand on several lines, and many on one: it is told by its
/// number ("element 37: " before the reason) and always by a byte, its first one in place of 0.
[[nodiscard]] BadRow bad_row(const LineReader& lines, std::uint64_t column, std::string reason);

/// The reason without the element that it is said of.
[[nodiscard]] std::string_view without_element(std::string_view reason);

/// Where the reader's present row, or the row of this id, stands: "rows.jsonl:12", and of a JSON
/// array, many of whose elements may stand on a line, "rows.json:1 (element 12)".
[[nodiscard]] std::string place_of(const std::string& path, const LineReader& lines);
template <class Row>
[[nodiscard]] std::string place_of(const RowFile<Row>& file, std::uint64_t id) {
  const std::string place = file.path + ':' + std::to_string(file.line_of(id));
  return file.array_lines.empty() ? place : place + " (element " + std::to_string(id) + ')';
}

}  // namespace lldm::data
