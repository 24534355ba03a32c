// SPDX-License-Identifier: MIT
#include "experiment/absolute_paths.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "lldm/config/reader.hpp"

namespace lldm {
namespace {

using config::Member;
using config::Value;

constexpr std::array<std::string_view, 6> kRoleTables = {
    "forward_process", "score_estimator", "objective", "optimizer", "sampler", "task"};

std::string first_word(const std::string& path) { return path.substr(0, path.find('.')); }

bool is_role_table(std::string_view word) {
  return std::find(kRoleTables.begin(), kRoleTables.end(), word) != kRoleTables.end();
}

bool holds_text(const Value& value) {
  if (value.is_string()) return true;
  if (value.is_array())
    return std::any_of(value.as_array().begin(), value.as_array().end(), holds_text);
  return value.is_table() &&
         std::any_of(value.as_table().begin(), value.as_table().end(),
                     [](const Member& member) { return holds_text(member.value); });
}

const Value* walk(const Value* here, const std::string& path) {
  for (std::size_t begin = 0; here && begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string key = path.substr(begin, end - begin);
    const Member* member = here->is_table() ? here->find(key) : nullptr;
    here = member ? &member->value : nullptr;
    begin = end + 1;
  }
  return here;
}

/// The values of axes and exclusions, as the cells have them.
using Replacements = std::map<std::string, std::vector<std::pair<Value, Value>>>;

void replace(Value& value, const std::string& path, const Replacements& replacements) {
  const auto found = replacements.find(path);
  if (found == replacements.end()) return;
  for (const auto& [raw, absolute] : found->second)
    if (value == raw) {
      value = absolute;
      return;
    }
}

void replace_lists(Value& table, const Replacements& replacements) {
  for (Member& axis : table.as_table())
    if (axis.value.is_array())
      for (Value& value : axis.value.as_array()) replace(value, axis.key, replacements);
}

Value grid_with(Value grid, const Replacements& replacements) {
  if (Member* axes = grid.find("axes")) replace_lists(axes->value, replacements);
  if (Member* tied = grid.find("tied"))
    for (Value& group : tied->value.as_array()) replace_lists(group, replacements);
  if (Member* exclude = grid.find("exclude"))
    for (Value& entry : exclude->value.as_array())
      for (Member& member : entry.as_table()) replace(member.value, member.key, replacements);
  return grid;
}

/// Puts a role's table back as the file has it: at the top, and in the stages that say their own.
void restore_role(Value& document, const Value& root, const std::string& role) {
  const Member* shared = root.find(role);
  const std::vector<Value>& raw = root.find("stage")->value.as_array();
  std::vector<Value>& stages = document.find("stage")->value.as_array();
  for (const bool has_own : {false, true})  // a stage that says nothing itself shows the shared one
    for (std::size_t s = 0; s < stages.size(); ++s) {
      const Member* bound = stages[s].find(role);
      const Member* own = raw[s].find(role);
      if (!bound || (own != nullptr) != has_own) continue;
      if (shared && !document.find(role))
        document.set(role, with_absolute_paths(shared->value, bound->value));
    }
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const Member* bound = stages[s].find(role);
    const Member* own = raw[s].find(role);
    if (bound && own)
      stages[s].set(role, with_absolute_paths(own->value, bound->value));
    else
      stages[s].erase(role);
  }
}

/// The roles whose tables decide what an axis lays its value on.
std::set<std::string> varied_roles(const Experiment& whole, const Value& root, const Cell& cell) {
  std::set<std::string> roles;
  for (const auto& [path, value] : cell.axes) {
    const std::string first = first_word(path);
    if (!whole.find(first)) {
      if (is_role_table(first)) roles.insert(first);
      continue;
    }
    const std::string second = first_word(path.substr(std::min(first.size() + 1, path.size())));
    if (is_role_table(second) && root.find(second)) roles.insert(second);
  }
  return roles;
}

}  // namespace

const Value* resolved_at(const Experiment& experiment, const std::string& path, Value& scratch) {
  const std::string first = first_word(path);
  const std::string rest = path.size() > first.size() ? path.substr(first.size() + 1) : "";
  if (const Stage* stage = experiment.find(first)) return walk(&stage->resolved, rest);
  if (is_role_table(first)) {
    for (const Stage& stage : experiment.stages)
      if (stage.resolved.find(first))
        if (const Value* value = walk(&stage.resolved, path)) return value;
    return nullptr;
  }
  scratch = config::write_options(experiment.options);
  return walk(&scratch, path);
}

Value with_absolute_paths(const Value& raw, const Value& resolved) {
  if (raw.is_string() && resolved.is_string())
    return resolved.as_string().starts_with('/') ? resolved : raw;
  Value result = raw;
  if (raw.is_table() && resolved.is_table())
    for (Member& member : result.as_table())
      if (const Member* other = resolved.find(member.key))
        member.value = with_absolute_paths(member.value, other->value);
  if (raw.is_array() && resolved.is_array() && raw.as_array().size() == resolved.as_array().size())
    for (std::size_t i = 0; i < raw.as_array().size(); ++i)
      result.as_array()[i] = with_absolute_paths(raw.as_array()[i], resolved.as_array()[i]);
  return result;
}

Value resolved_grid_document(const Experiment& whole, const Value& root, std::vector<Cell>& cells,
                             const std::vector<Experiment>& experiments) {
  Replacements replacements;
  for (std::size_t c = 0; c < cells.size(); ++c)
    for (auto& [path, value] : cells[c].axes) {
      if (!holds_text(value)) continue;
      Value scratch;
      const Value* resolved = resolved_at(experiments[c], path, scratch);
      if (!resolved) continue;
      Value absolute = with_absolute_paths(value, *resolved);
      if (absolute == value) continue;
      replacements[path].emplace_back(value, absolute);
      value = std::move(absolute);
    }
  Value document = resolved_document(whole, root);
  if (cells.empty()) return document;
  for (const std::string& role : varied_roles(whole, root, cells.front()))
    restore_role(document, root, role);
  if (const Member* grid = root.find("grid"))
    document.set("grid", grid_with(grid->value, replacements));
  return document;
}

}  // namespace lldm
