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
  const auto refuse = [&](std::initializer_list<const char*> keys, const std::string& reason) {
    for (const char* key : keys)
      if (const config::Member* member = table.find(key))
        diagnostics.error(member->position, message(where, ": \"", key, "\" is not read here"),
                          reason);
  };
  const auto belongs = [&](const char* source, std::initializer_list<const char*> keys) {
    if (!table.find(source)) refuse(keys, message("it belongs to { ", source, " = ... }"));
  };
  belongs("file", {"columns", "format"});
  belongs("corpus", {"packing", "length"});
  if (table.find("corpus"))
    refuse({"take", "correct", "at_most", "on_bad_row", "limit"},
           "a corpus is read as it was packed");
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

const std::vector<config::FieldInfo>& DataRef::fields() { return config::fields<DataOptions>(); }

std::optional<config::Value> DataRef::write() const {
  return is_given() ? std::optional(resolved) : std::nullopt;
}

bool DataRef::read(const config::Value& given, const config::Slot& slot) {
  *this = {};
  const std::string& key = slot.info.key;
  if (!given.is_table())
    return slot.fail(
        given, "is " + given.seen(),
        "write { generate = TASK }, { file = PATH }, { stage = NAME } or { corpus = DIR }");
  int sources = 0;
  for (const char* source : {"generate", "file", "stage", "corpus"})
    sources += given.find(source) != nullptr;
  if (sources != 1)
    return slot.fail(given,
                     message("names ", sources == 0 ? "no source" : "several sources", " of rows"),
                     "give exactly one of `generate` (a task), `file`, `stage` and `corpus`");
  config::ReadContext context{slot.context.diagnostics, message(slot.context.where, " [", key, "]"),
                              slot.context.components};
  const std::size_t before = context.diagnostics.num_errors();
  if (given.find("generate"))
    read_task(given, context);
  else
    read_options(given, context);
  return context.diagnostics.num_errors() == before;
}

void DataRef::read_task(const config::Value& given, const config::ReadContext& context) {
  task.table = given;
  if (context.components) {
    auto checked = context.components->check_component({.role = role_name(Role::task),
                                                        .table = given,
                                                        .where = context.where,
                                                        .extra_keys = {"limit"},
                                                        .synonym = "generate"},
                                                       context.diagnostics);
    if (!checked.bound) return;
    task.table = std::move(checked.table);
    task.bound = std::move(checked.bound);
  }
  for (const config::Member& member : task.table.as_table())
    resolved.set(member.key == "type" ? "generate" : member.key, member.value, member.position);
  const config::Member* limit = given.find("limit");
  if (!limit) return;
  config::Value own;
  own.set("limit", limit->value, limit->position);
  config::read_struct(own, options, context);
}

void DataRef::read_options(const config::Value& given, const config::ReadContext& context) {
  config::read_struct(given, options, context);
  check_unread(given, options, context.diagnostics, context.where);
  resolved = config::write_options(options);
  for (const char* key : {"file", "stage", "corpus", "packing", "length"})
    if (!given.find(key)) resolved.erase(key);
  const bool is_corpus = given.find("corpus") != nullptr;
  if (is_corpus) {
    if (const config::Member* corpus = resolved.find("corpus"); corpus->value.is_string())
      options.corpus = corpus->value.as_string();  // absolute
    resolved.set("packing",
                 config::Value::string(options.packing == Packing::concat ? "concat" : "isolated"));
    resolved.set("length", config::Value::integer(options.length));
    for (const char* key : {"take", "limit"}) resolved.erase(key);
  }
  const bool is_file = given.find("file") != nullptr;
  if (const config::Member* file = resolved.find("file"); file && file->value.is_string())
    options.file = file->value.as_string();  // absolute
  if (is_file && !given.find("take")) resolved.erase("take");
  if (!is_file) resolved.erase("on_bad_row");
  if (is_file || options.take != Take::samples)
    for (const char* key : {"correct", "at_most"}) resolved.erase(key);
}

std::string file_take_problem(const DataRef& data, std::int64_t group_size) {
  const config::Member* given = data.resolved.find("take");
  if (!given) return "";
  const bool is_single = data.options.take != Take::pairs;
  if (group_size <= 2 && is_single == (group_size == 1)) return "";
  return message("take = ", config::to_toml(given->value),
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
  return message("take = \"", given, "\" does not fit an objective that compares ", group_size,
                 group_size == 1   ? " answer: take = \"chosen\", \"rejected\" or \"samples\""
                 : group_size == 2 ? " answers: take = \"pairs\" or \"ranked\""
                                   : " answers: take = \"ranked\"");
}

}  // namespace lldm
