// SPDX-License-Identifier: MIT
#include "lldm/experiment/data_options.hpp"

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/report_role.hpp"

namespace lldm {

namespace {

/// Keys of one source that another source does not read.
void check_unread(const config::Value& table, const DataOptions& options,
                  config::Diagnostics& diagnostics, const std::string& where) {
  const auto refuse = [&](std::initializer_list<const char*> keys, const char* reason) {
    for (const char* key : keys)
      if (const config::Member* member = table.find(key))
        diagnostics.error(member->position,
                          message(where, " [data]: \"", key, "\" is not read here"), reason);
  };
  if (table.find("file")) {
    refuse({"correct", "at_most"}, "it belongs to { stage = NAME }");
    if (options.take == Take::samples || options.take == Take::ranked)
      refuse({"take"},
             "of a file of pairs: take = \"chosen\" or \"rejected\"; samples and ranked belong to "
             "{ stage = NAME }");
  }
  if (table.find("stage")) {
    refuse({"on_bad_row"}, "it belongs to { file = PATH }");
    if (options.take != Take::samples)
      refuse({"correct", "at_most"}, "it belongs to take = \"samples\"");
  }
}

}  // namespace

BoundData bind_data(const config::Value& table, const Registry& registry,
                    config::Diagnostics& diagnostics, const std::string& where) {
  BoundData bound;
  if (!table.is_table()) {
    diagnostics.error(table.position(), message(where, " `data` is ", table.seen()),
                      "write { generate = TASK }, { file = PATH } or { stage = NAME }");
    return bound;
  }
  int sources = 0;
  for (const char* key : {"generate", "file", "stage"}) sources += table.find(key) != nullptr;
  if (sources != 1) {
    diagnostics.error(table.position(),
                      message(where, " `data` names ",
                              sources == 0 ? "no source" : "several sources", " of rows"),
                      "give exactly one of `generate` (a task), `file` and `stage`");
    return bound;
  }
  if (table.find("generate")) {
    bound.task =
        registry.bind(Role::task, table, diagnostics,
                      {.where = where + " [data]", .synonym = "generate", .extra_keys = {"limit"}});
    if (bound.task) {
      bound.resolved = bound.task.table;
      bound.resolved.erase("type");
      bound.resolved.set("generate", config::Value::string(bound.task.entry->name));
    }
    if (const config::Member* limit = table.find("limit")) {
      config::Value own;
      own.set("limit", limit->value, limit->position);
      bound.options = config::read_options<DataOptions>(own, diagnostics, where + " [data]");
      bound.resolved.set("limit", limit->value);
    }
    return bound;
  }
  bound.options = config::read_options<DataOptions>(table, diagnostics, where + " [data]");
  check_unread(table, bound.options, diagnostics, where);
  bound.resolved = config::write_options(bound.options);
  for (const char* key : {"file", "stage"})
    if (!table.find(key)) bound.resolved.erase(key);
  const bool is_file = table.find("file") != nullptr;
  if (const config::Member* file = bound.resolved.find("file"); file && file->value.is_string())
    bound.options.file = file->value.as_string();  // absolute
  if (is_file && !table.find("take")) bound.resolved.erase("take");
  if (!is_file) bound.resolved.erase("on_bad_row");
  if (is_file || bound.options.take != Take::samples)
    for (const char* key : {"correct", "at_most"}) bound.resolved.erase(key);
  return bound;
}

const BoundData* BoundRows::find(std::string_view key) const {
  const auto found = tables.find(key);
  return found == tables.end() ? nullptr : &found->second;
}

std::string file_take_problem(const BoundData& data, std::int64_t group_size) {
  const config::Member* given = data.resolved.find("take");
  if (!given) return "";
  const bool is_single = data.options.take != Take::pairs;
  if (group_size <= 2 && is_single == (group_size == 1)) return "";
  return message("data take = ", config::to_toml(given->value),
                 " does not fit an objective that compares ", group_size,
                 group_size == 1 ? " answer: of a file of pairs, take = \"chosen\" or \"rejected\""
                 : group_size == 2 ? " answers: remove take, both are read"
                                   : " answers: remove take, rows of prompt and answers are read");
}

std::string_view to_string(ReportRole role) {
  for (const auto& choice : choices(std::type_identity<ReportRole>{}))
    if (choice.value == role) return choice.name;
  return "?";
}

std::string take_problem(Take take, std::int64_t group_size) {
  const bool is_single = take == Take::chosen || take == Take::rejected || take == Take::samples;
  const bool fits = group_size == 1   ? is_single
                    : group_size == 2 ? !is_single
                                      : take == Take::ranked;
  if (fits) return "";
  std::string_view given;
  for (const auto& choice : choices(std::type_identity<Take>{}))
    if (choice.value == take) given = choice.name;
  return message("data take = \"", given, "\" does not fit an objective that compares ", group_size,
                 group_size == 1   ? " answer: take = \"chosen\", \"rejected\" or \"samples\""
                 : group_size == 2 ? " answers: take = \"pairs\" or \"ranked\""
                                   : " answers: take = \"ranked\"");
}

}  // namespace lldm
