// SPDX-License-Identifier: MIT
#include "lldm/data/columns.hpp"

#include <algorithm>
#include <set>

#include "lldm/config/diagnostics.hpp"
#include "lldm/data/row_format.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// What is wrong with a table of names, in two lines; "" if nothing.
std::string problem_of(const Columns& columns) {
  std::set<std::string> taken;
  for (const auto& [ours, theirs] : columns) {
    if (std::ranges::find(column_names(), ours) == column_names().end())
      return message("no row has the key ", config::in_quotes(ours), "\n  ",
                     config::did_you_mean(ours, column_names(), "keys"));
    if (theirs.empty()) return message(config::in_quotes(ours), " names no column\n  remove it");
    if (!taken.insert(theirs).second)
      return message("two keys are read from the column ", config::in_quotes(theirs),
                     "\n  one column holds one of them");
  }
  return "";
}

}  // namespace

const std::vector<std::string>& column_names() {
  static const std::vector<std::string> names = {
      "text",     "prompt",  "response",      "completion",  "chosen",
      "rejected", "answers", "label",         "messages",    "system",
      "input",    "output",  "conversations", "instruction", "history"};
  return names;
}

bool Columns::read(const config::Value& given, const config::Slot& slot) {
  clear();
  constexpr const char* kShape = "write { prompt = \"question\", response = \"answer\" }";
  if (!given.is_table()) return slot.fail(given, "is " + given.seen(), kShape);
  for (const config::Member& member : given.as_table()) {
    if (!member.value.is_string())
      return slot.fail(member.value, "holds " + member.value.seen(), kShape);
    (*this)[member.key] = member.value.as_string();
  }
  const std::string problem = problem_of(*this);
  if (problem.empty()) return true;
  const std::size_t end = problem.find('\n');
  return slot.fail(given, problem.substr(0, end), problem.substr(end + 3));
}

std::optional<config::Value> Columns::write() const {
  if (empty()) return std::nullopt;
  config::Value table;
  for (const auto& [ours, theirs] : *this) table.set(ours, config::Value::string(theirs));
  return table;
}

Columns Columns::parse(std::string_view text) {
  Columns columns;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t equal = pair.find('=');
    if (equal == std::string_view::npos || equal == 0)
      throw ConfigError(message("--columns got ", config::in_quotes(std::string(pair)),
                                "\n  write OURS=THEIRS,..., such as prompt=question"));
    columns[std::string(pair.substr(0, equal))] = std::string(pair.substr(equal + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (const std::string problem = problem_of(columns); !problem.empty())
    throw ConfigError("--columns: " + problem);
  return columns;
}

namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> names = {"auto"};
  for (const RowForm form : kRowForms) names.emplace_back(row_form_name(form));
  return names;
}

}  // namespace

bool RowFormat::read(const config::Value& given, const config::Slot& slot) {
  reset();
  if (given.is_string()) {
    if (given.as_string() == "auto") return true;
    for (const RowForm form : kRowForms)
      if (given.as_string() == row_form_name(form)) {
        emplace(form);
        return true;
      }
    return slot.fail(given, "is " + given.seen(),
                     config::did_you_mean(given.as_string(), format_names(), "forms"));
  }
  return slot.fail(given, "is " + given.seen(), "write a form of rows, or \"auto\"");
}

std::optional<config::Value> RowFormat::write() const {
  if (!has_value()) return std::nullopt;
  return config::Value::string(std::string(row_form_name(**this)));
}

}  // namespace lldm
