// SPDX-License-Identifier: MIT
#include "experiment/axis_values.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace lldm {
namespace {

using config::Value;

std::string type_of(const Value& value) {
  return value.is_string() ? value.as_string() : std::string(value.text_of("type"));
}

/// What stands below a table at the parts of a path from `first`; null if nothing does.
const Value* below(const Value& table, const std::string& path, std::size_t first) {
  const Value* value = &table;
  std::istringstream parts(path);
  std::string part;
  for (std::size_t p = 0; value && std::getline(parts, part, '.'); ++p) {
    if (p < first) continue;
    const config::Member* member = value->find(part);
    value = member ? &member->value : nullptr;
  }
  return value;
}

/// What a component of this type that an axis sets has at a key, where it leaves that to its
/// defaults: in its stage, or, of a table that stages share, in all that take it.  Null where those
/// have defaults of their own, and if the axis sets no component.
const Value* bound(const Experiment& experiment, const std::string& path, const std::string& type,
                   const std::string& key) {
  const Stage* own = experiment.find(path.substr(0, path.find('.')));
  const Value* found = nullptr;
  for (const Stage& stage : experiment.stages) {
    if (own && own != &stage) continue;
    const Value* component = below(stage.resolved, path, own ? 1 : 0);
    const config::Member* member = component ? component->find(key) : nullptr;
    if (!member || component->text_of("type") != type) continue;
    if (found && !(*found == member->value)) return nullptr;
    found = &member->value;
  }
  return found;
}

/// By type, the keys that a value of axis `a` names.
std::map<std::string, std::set<std::string>> named_keys(const RunSchedule& schedule,
                                                        std::size_t a) {
  std::map<std::string, std::set<std::string>> keys;
  for (const Cell& cell : schedule.cells)
    if (const Value& value = cell.axes[a].second; value.is_table())
      for (const config::Member& member : value.as_table()) keys[type_of(value)].insert(member.key);
  return keys;
}

}  // namespace

void complete_axes(RunSchedule& schedule) {
  for (std::size_t a = 0; a < schedule.cells.front().axes.size(); ++a) {
    const auto keys = named_keys(schedule, a);
    for (std::size_t c = 0; c < schedule.cells.size(); ++c) {
      auto& [path, value] = schedule.cells[c].axes[a];
      if (!value.is_string() && !value.is_table()) continue;
      const std::string type = type_of(value);
      const auto named = keys.find(type);
      if (named == keys.end() || !bound(schedule.experiments[c], path, type, "type")) continue;
      Value table = value;
      if (value.is_string()) {
        table = Value::table();
        table.set("type", value);
      }
      for (const std::string& key : named->second)
        if (const Value* its = bound(schedule.experiments[c], path, type, key);
            its && !table.find(key))
          table.set(key, *its);
      value = std::move(table);
    }
  }
}

}  // namespace lldm
