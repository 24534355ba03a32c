// SPDX-License-Identifier: MIT
#include "cli/side_by_side.hpp"

#include <algorithm>
#include <vector>

#include "lldm/data/inspect.hpp"

namespace lldm::cli {
namespace {

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The bytes of the first `most` characters.
std::size_t bytes_of(std::string_view text, std::size_t most) {
  std::size_t at = 0;
  for (std::size_t columns = 0; at < text.size(); ++at)
    if ((text[at] & 0xC0) != 0x80 && columns++ == most) break;
  return at;
}

void break_line(std::string_view line, std::size_t width, std::vector<std::string>& lines) {
  do {
    std::size_t end = bytes_of(line, width);
    if (end < line.size())
      if (const std::size_t space = line.rfind(' ', end);
          space != std::string_view::npos && space > 0)
        end = space;
    lines.emplace_back(line.substr(0, end));
    line.remove_prefix(
        std::min(line.size(), end + (end < line.size() && line[end] == ' ' ? 1 : 0)));
  } while (!line.empty());
}

std::vector<std::string> lines_of(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    // Escapes stand for what would drive the terminal; quotes and backslashes too.
    break_line(escape_text(text.substr(0, end)), width, lines);
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string side_by_side(std::string_view left, std::string_view right, int width) {
  const auto column = static_cast<std::size_t>(std::max(20, width) - 3) / 2;
  const std::vector<std::string> a = lines_of(left, column), b = lines_of(right, column);
  std::string out;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string cell = i < a.size() ? a[i] : "";
    out += cell + std::string(column - std::min(column, columns_of(cell)), ' ') + " | " +
           (i < b.size() ? b[i] : "");
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string broken(std::string_view text, int width) {
  std::string out;
  for (const std::string& line : lines_of(text, static_cast<std::size_t>(std::max(20, width))))
    out += line + '\n';
  return out;
}

}  // namespace lldm::cli
