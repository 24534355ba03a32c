// SPDX-License-Identifier: MIT
// Tables of a report: for a terminal and in Markdown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lldm {

enum class Align { left, right };

/// Rows of finished texts under named columns.
struct Table {
  struct Column {
    std::string header;
    Align align = Align::right;  // numbers right, names left
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
  std::size_t keys = 1;  // how many columns, from the first, say which row it is
};

/// The table in at most `width` columns of a terminal.  Headers are wrapped first, then the texts
/// of left-aligned columns; if that is not enough, the columns go into several blocks below each
/// other, each beginning with the `keys` first columns.  A single word that is wider than the
/// terminal stays whole.
///
/// Errors  ShapeError if a row has another number of cells than there are columns, or there is no
///         column.
[[nodiscard]] std::string text_table(const Table& table, int width);

/// The table in Markdown (GitHub's), columns padded so that the source reads well too.  '|' and
/// line ends in cells are escaped.
[[nodiscard]] std::string markdown_table(const Table& table);

/// Number of terminal columns that a UTF-8 text takes: combining marks none, East Asian wide
/// characters two.
[[nodiscard]] int display_width(std::string_view text);

/// `value` with `digits` significant digits, no exponent between 1e-4 and 1e7, zeros at the end
/// kept: "0.450", "12.0", "1.2e-07"; "-" for NaN, "inf".
[[nodiscard]] std::string rounded_text(double value, int digits = 3);

}  // namespace lldm
