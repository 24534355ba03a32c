// SPDX-License-Identifier: MIT
#include "lldm/render/table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <span>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

using Lines = std::vector<std::string>;
constexpr int kGap = 2;  // between columns

void check(const Table& table) {
  if (table.columns.empty()) throw ShapeError("Table: it has no columns");
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    if (table.rows[i].size() != table.columns.size())
      throw ShapeError(message("Table: row ", i, " has ", table.rows[i].size(),
                               " cells, there are ", table.columns.size(), " columns"));
}

Lines words_of(const std::string& text) {
  Lines words;
  for (std::size_t at = 0; at < text.size();) {
    const auto start = text.find_first_not_of(" \n", at);
    if (start == text.npos) break;
    at = std::min(text.find_first_of(" \n", start), text.size());
    words.push_back(text.substr(start, at - start));
  }
  return words;
}

/// Fills lines of at most `width` with words; a wider word has a line of its own.
Lines wrap(const std::string& text, int width) {
  Lines lines;
  for (const auto& word : words_of(text)) {
    if (!lines.empty() && display_width(lines.back()) + 1 + display_width(word) <= width) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines.empty() ? Lines{""} : lines;
}

int longest_word(const std::string& text) {
  int width = 0;
  for (const auto& word : words_of(text)) width = std::max(width, display_width(word));
  return width;
}

std::string padded(const std::string& text, int width, Align align) {
  const std::string space(static_cast<std::size_t>(std::max(width - display_width(text), 0)), ' ');
  return align == Align::left ? text + space : space + text;
}

struct Widths {
  int least, header_wrapped, full;  // everything wrapped; only the header wrapped; nothing wrapped
};

Widths widths_of(const Table& table, std::size_t column) {
  const auto& [header, align] = table.columns[column];
  Widths widths{longest_word(header), longest_word(header), display_width(header)};
  for (const auto& row : table.rows) {
    const int whole = display_width(row[column]);
    widths.least = std::max(widths.least, align == Align::left ? longest_word(row[column]) : whole);
    widths.header_wrapped = std::max(widths.header_wrapped, whole);
    widths.full = std::max(widths.full, whole);
  }
  return widths;
}

int total(const std::vector<int>& widths) {
  return std::accumulate(widths.begin(), widths.end(), 0) +
         kGap * (static_cast<int>(widths.size()) - 1);
}

/// Narrows the widest column that can be, one step at a time, until `width` is met or none can be.
void narrow(std::vector<int>& widths, const std::vector<int>& least, int width) {
  while (total(widths) > width) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (widths[i] > least[i] && (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == widths.size()) return;
    --widths[widest];
  }
}

/// One row of cells, each of several lines; `bottom`: short cells sink (headers).
void append_row(std::string& text, const std::vector<Lines>& cells, const std::vector<int>& widths,
                const std::vector<Align>& aligns, bool bottom) {
  std::size_t height = 1;
  for (const auto& cell : cells) height = std::max(height, cell.size());
  for (std::size_t i = 0; i < height; ++i) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const auto& cell = cells[column];
      const auto skipped = bottom ? height - cell.size() : 0;
      const bool is_there = i >= skipped && i - skipped < cell.size();
      line += std::string(column ? kGap : 0, ' ');
      line += padded(is_there ? cell[i - skipped] : "", widths[column], aligns[column]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
}

void append_block(std::string& text, const Table& table, std::span<const std::size_t> columns,
                  const std::vector<int>& widths) {
  std::vector<Lines> cells;
  std::vector<Align> aligns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    cells.push_back(wrap(table.columns[columns[i]].header, widths[i]));
    aligns.push_back(table.columns[columns[i]].align);
  }
  append_row(text, cells, widths, aligns, true);
  for (std::size_t i = 0; i < columns.size(); ++i)
    cells[i] = {std::string(static_cast<std::size_t>(widths[i]), '-')};
  append_row(text, cells, widths, aligns, false);
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < columns.size(); ++i)
      cells[i] =
          aligns[i] == Align::left ? wrap(row[columns[i]], widths[i]) : Lines{row[columns[i]]};
    append_row(text, cells, widths, aligns, false);
  }
}

std::string escaped(const std::string& cell) {
  std::string text;
  for (const char c : cell) text += c == '|' ? "\\|" : c == '\n' ? "<br>" : std::string(1, c);
  return text;
}

}  // namespace

std::string text_table(const Table& table, int width) {
  check(table);
  std::vector<Widths> sizes;
  for (std::size_t i = 0; i < table.columns.size(); ++i) sizes.push_back(widths_of(table, i));
  std::string text;
  const std::size_t keys = std::clamp<std::size_t>(table.keys, 1, table.columns.size());
  for (std::size_t first = keys; first == keys || first < table.columns.size();) {
    std::vector<std::size_t> columns;
    std::vector<int> least, header_wrapped, widths;
    for (std::size_t key = 0; key < keys; ++key) {
      columns.push_back(key);
      least.push_back(sizes[key].least);
      header_wrapped.push_back(sizes[key].header_wrapped);
      widths.push_back(sizes[key].full);
    }
    while (first < table.columns.size()) {
      least.push_back(sizes[first].least);
      if (columns.size() > keys && total(least) > width) break;
      columns.push_back(first);
      header_wrapped.push_back(sizes[first].header_wrapped);
      widths.push_back(sizes[first].full);
      ++first;
    }
    least.resize(columns.size());
    narrow(widths, header_wrapped, width);
    narrow(widths, least, width);
    if (!text.empty()) text += "\n";
    append_block(text, table, columns, widths);
    if (first >= table.columns.size()) break;
  }
  return text;
}

std::string markdown_table(const Table& table) {
  check(table);
  std::string text;
  std::vector<int> widths;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    widths.push_back(std::max(display_width(escaped(table.columns[i].header)), 3));
    for (const auto& row : table.rows)
      widths[i] = std::max(widths[i], display_width(escaped(row[i])));
  }
  const auto append = [&](const auto& cell_of) {
    text += "|";
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      text += " " + padded(escaped(cell_of(i)), widths[i], table.columns[i].align) + " |";
    text += "\n";
  };
  append([&](std::size_t i) { return table.columns[i].header; });
  append([&](std::size_t i) {
    const std::string dashes(static_cast<std::size_t>(widths[i] - 1), '-');
    return table.columns[i].align == Align::left ? dashes + "-" : dashes + ":";
  });
  for (const auto& row : table.rows) append([&](std::size_t i) { return row[i]; });
  return text;
}

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint character = code_point_at(text, at);
    width += column_width(character.value);
    at += character.length;
  }
  return width;
}

std::string rounded_text(double value, int digits) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[64];
  std::snprintf(text, sizeof text, "%.*e", digits - 1,
                value);  // rounded first: 9.996 has the size of 10
  const double rounded = std::strtod(text, nullptr);
  const double size = std::abs(rounded);
  if (size != 0 && (size < 1e-4 || size >= 1e7)) return text;
  const int before = size == 0 ? 1 : static_cast<int>(std::floor(std::log10(size))) + 1;
  std::snprintf(text, sizeof text, "%.*f", std::max(digits - before, 0), value);
  return text;
}

}  // namespace lldm
