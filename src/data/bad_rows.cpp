// SPDX-License-Identifier: MIT
#include "data/bad_rows.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm::data {

std::string list_bad_rows(const std::string& path, const std::vector<BadRow>& bad) {
  constexpr std::size_t kMaxListed = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(bad.size(), kMaxListed); ++i) {
    out += message("\n  ", path, ':', bad[i].line, ':');
    if (bad[i].column > 0) out += message(bad[i].column, ':');
    out += ' ' + bad[i].reason;
  }
  if (bad.size() > kMaxListed) out += message("\n  and ", bad.size() - kMaxListed, " more");
  return out;
}

BadRow bad_row(const LineReader& lines, std::uint64_t column, std::string reason) {
  BadRow bad{lines.line_number(), column, std::move(reason), lines.offset()};
  if (!lines.is_array()) {
    if (column > 0) bad.offset += column - 1;
    return bad;
  }
  if (lines.array_problem().empty())
    bad.reason = message("element ", lines.number(), ": ", bad.reason);
  const std::uint64_t byte = std::max<std::uint64_t>(column, 1) - 1;
  bad.offset += byte;
  const std::string_view before =
      std::string_view(lines.line()).substr(0, static_cast<std::size_t>(byte));
  if (const std::size_t end = before.rfind('\n'); end != std::string_view::npos) {
    bad.line += static_cast<std::uint64_t>(std::ranges::count(before, '\n'));
    bad.column = byte - end;
  } else {
    bad.column = byte + lines.column();
  }
  return bad;
}

std::string_view without_element(std::string_view reason) {
  constexpr std::string_view kWord = "element ";
  if (!reason.starts_with(kWord)) return reason;
  const std::size_t end = reason.find_first_not_of("0123456789", kWord.size());
  if (end == kWord.size() || end == reason.npos || !reason.substr(end).starts_with(": "))
    return reason;
  return reason.substr(end + 2);
}

std::string place_of(const std::string& path, const LineReader& lines) {
  const std::string place = message(path, ':', lines.line_number());
  return lines.is_array() ? message(place, " (element ", lines.number(), ')') : place;
}

}  // namespace lldm::data
