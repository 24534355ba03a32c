// SPDX-License-Identifier: MIT
#include "data/other_keys.hpp"

#include <algorithm>

#include "data/published_rows.hpp"
#include "data/row_parser.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"

namespace lldm::data {
namespace {

using nlohmann::json;

constexpr std::string_view kInner = "[].";  // "messages[].weight": a key of a list's objects

}  // namespace

const std::set<std::string>& own_keys() {
  static const std::set<std::string> keys = {"id",
                                             "error",
                                             "grade_chosen",
                                             "grade_rejected",
                                             "outcome_chosen",
                                             "outcome_rejected",
                                             "provenance",
                                             "labelled"};
  return keys;
}

OtherKeys::OtherKeys(const std::filesystem::path& path, const RowReaderOptions& options,
                     const std::vector<std::string>& unused, std::vector<std::string> kept)
    : lines_(path, options.max_line_bytes),
      columns_(options.columns),
      form_(options.form),
      unused_(unused.begin(), unused.end()) {
  if (kept.size() == 1 && kept.front() == "all")
    keeps_all_ = true;
  else
    kept_.insert(kept.begin(), kept.end());
}

json OtherKeys::of_row(std::uint64_t id) {
  json carried = json::object();
  while (lines_.number() < id && lines_.next()) {
  }
  if (lines_.number() != id)
    throw DataError(message("row ", id, " is gone\n  the file was changed while it was read"));
  UnusedKeys ignored;
  json row = with_columns(parse_row(lines_), columns_, ignored);
  if (form_ != RowForm::text) row = standard_row(std::move(row));
  for (const auto& [key, value] : row.items()) {
    if (!unused_.contains(key) && !own_keys().contains(key)) continue;
    seen_.insert(key);
    if (keeps_all_ || kept_.contains(key) || own_keys().contains(key)) {
      carried[key] = value;
      found_.insert(key);
    } else {
      ++left_out_[key];
    }
  }
  count_inner(row);
  return carried;
}

/// Keys of the objects in a list stay where they are not read: turns are written anew.
void OtherKeys::count_inner(const json& row) {
  for (const std::string& name : unused_) {
    const std::size_t at = name.find(kInner);
    if (at == std::string::npos) continue;
    const auto list = row.find(name.substr(0, at));
    if (list == row.end() || !list->is_array()) continue;
    const std::string inner = name.substr(at + kInner.size());
    left_out_[name] += std::ranges::any_of(
        *list, [&](const json& turn) { return turn.is_object() && turn.contains(inner); });
  }
}

std::string OtherKeys::missing() const {
  const std::vector<std::string> seen(seen_.begin(), seen_.end());
  for (const std::string& name : kept_)
    if (!found_.contains(name))
      return message("--keep: no row holds ", config::in_quotes(name),
                     " beside what its form reads\n  ",
                     seen.empty() ? std::string("there are no other keys")
                                  : config::did_you_mean(name, seen, "keys"));
  return "";
}

}  // namespace lldm::data
