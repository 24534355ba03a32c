// SPDX-License-Identifier: MIT
#include "experiment/bound_data.hpp"

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {

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
  bound.resolved = config::write_options(bound.options);
  for (const char* key : {"file", "stage"})
    if (!table.find(key)) bound.resolved.erase(key);
  return bound;
}

}  // namespace lldm
