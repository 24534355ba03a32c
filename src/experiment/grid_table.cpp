// SPDX-License-Identifier: MIT
#include "experiment/grid_table.hpp"

#include <algorithm>
#include <array>

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Value;

constexpr const char* kAxisForm = "an axis lists its values: [0.1, 0.2]";
constexpr const char* kTiedForm =
    "tied = [{ \"tuned.objective.beta\" = [0.1, 0.4], \"tuned.optimizer.steps\" = [40, 20] }]";
constexpr const char* kExcludeForm =
    "exclude = [{ \"tuned.objective.beta\" = 0.4, \"tuned.score_estimator.steps\" = 2 }]";

/// Keys that a process has once, or that make no sense inside a cell.
constexpr std::array<std::string_view, 9> kOfTheProcess = {
    "name", "description", "seed", "device", "threads", "plugins", "memory", "grid", "extends"};

std::string without_quotes(std::string path) {
  std::erase(path, '"');
  return path;
}

bool is_number(const Value& value) { return value.is_integer() || value.is_real(); }

/// `x = "name"` and `x = { type = "name" }` are one component.
const Value& without_wrapping(const Value& value) {
  const bool is_wrapped = value.is_table() && value.as_table().size() == 1 && value.find("type");
  return is_wrapped ? value.find("type")->value : value;
}

/// The same to whoever reads it: 1 and 1.0, tables in another order of keys.
bool is_same_value(const Value& one, const Value& other) {
  const Value &a = without_wrapping(one), &b = without_wrapping(other);
  if (a.is_integer() && b.is_integer()) return a.as_integer() == b.as_integer();
  if (is_number(a) && is_number(b)) return a.as_real() == b.as_real();
  if (a.is_array() && b.is_array())
    return std::equal(a.as_array().begin(), a.as_array().end(), b.as_array().begin(),
                      b.as_array().end(), is_same_value);
  if (!a.is_table() || !b.is_table()) return a == b;
  return a.as_table().size() == b.as_table().size() &&
         std::all_of(a.as_table().begin(), a.as_table().end(), [&](const Member& member) {
           const Member* twin = b.find(member.key);
           return twin && is_same_value(member.value, twin->value);
         });
}

struct Reader {
  const Value& grid;
  const Value& root;
  Diagnostics& diagnostics;
  GridTable table = {};

  void keys() {
    static const std::array<std::string, 4> known = {"axes", "tied", "exclude", "seeds"};
    for (const Member& key : grid.as_table())
      if (key.key == "add_axes" || key.key == "add_seeds")
        diagnostics.error(key.position,
                          message("[grid] \"", key.key, "\" adds to what a file extends"),
                          "this file extends none: write `axes` and `seeds`");
      else if (std::find(known.begin(), known.end(), key.key) == known.end())
        diagnostics.error(key.position, message("[grid] has no key \"", key.key, "\""),
                          config::did_you_mean(key.key, known, "keys"));
  }

  void seeds() {
    const Member* member = grid.find("seeds");
    if (!member) return;
    const Value* values = &member->value;
    if (member->value.is_table()) {
      table.seeds.from = std::string(member->value.text_of("from"));
      const Member* list = member->value.find("values");
      values = list ? &list->value : nullptr;
      for (const Member& key : member->value.as_table())
        if (key.key != "values" && key.key != "from")
          diagnostics.error(
              key.position, message("[grid] seeds has no key \"", key.key, "\""),
              config::did_you_mean(key.key, std::array<std::string, 2>{"values", "from"}, "keys"));
    }
    if (!values || !values->is_array() || values->as_array().empty()) {
      diagnostics.error(
          member->position, "[grid] seeds lists no seed",
          "seeds = [1, 2, 3], or { values = [1, 2, 3], from = \"<first stage that varies>\" }");
      return;
    }
    if (is_too_long(*values, "seeds")) return;
    for (const Value& value : values->as_array()) seed(value);
    seeds_from(*member);
  }

  /// A list of more values than a grid has cells: telling them apart would take quadratic time.
  bool is_too_long(const Value& list, std::string_view what) {
    const std::size_t count = list.is_array() ? list.as_array().size() : 0;
    if (count <= static_cast<std::size_t>(kMaxGridCells)) return false;
    diagnostics.error(list.position(), message("[grid] ", what, " has ", count, " values"),
                      message("a grid has at most ", kMaxGridCells, " cells"));
    return true;
  }

  void seed(const Value& value) {
    std::vector<std::int64_t>& known = table.seeds.values;
    if (!value.is_integer() || value.as_integer() < 0)
      diagnostics.error(value.position(), message("[grid] a seed is ", value.seen()),
                        "legal: integers from 0");
    else if (std::find(known.begin(), known.end(), value.as_integer()) != known.end())
      diagnostics.error(value.position(),
                        message("[grid] seed ", value.as_integer(), " stands twice"),
                        "every seed once");
    else
      known.push_back(value.as_integer());
  }

  void seeds_from(const Member& member) {
    std::vector<std::string> names;
    if (const Member* stages = root.find("stage"); stages && stages->value.is_array())
      for (const Value& stage : stages->value.as_array()) names.emplace_back(stage.text_of("name"));
    const std::string& from = table.seeds.from;
    if (!from.empty() && std::find(names.begin(), names.end(), from) == names.end())
      diagnostics.error(member.value.find("from")->value.position(),
                        message("[grid] seeds start at \"", from, "\", which is no stage"),
                        config::did_you_mean(from, names, "stages"));
  }

  /// The list of one path; nothing, with the error told, if it cannot be an axis.
  void add_path(GridAxis& axis, const Member& member, const std::string& where) {
    if (!member.value.is_array() || member.value.as_array().empty()) {
      diagnostics.error(member.position,
                        message("[grid] ", where, " \"", member.key, "\" is ", member.value.seen()),
                        kAxisForm);
      return;
    }
    const std::string first = member.key.substr(0, member.key.find('.'));
    if (std::find(kOfTheProcess.begin(), kOfTheProcess.end(), first) != kOfTheProcess.end()) {
      diagnostics.error(member.position,
                        message("[grid] axis \"", member.key, "\": `", first,
                                "` is one for the whole run, not for a cell"),
                        first == "seed"
                            ? "write seeds = [1, 2, 3] in [grid]"
                            : "run the file once for each, with --set and its own --out");
      return;
    }
    if (is_too_long(member.value, where + " " + config::in_quotes(member.key))) return;
    axis.paths.push_back({member.key, member.position, member.value.as_array()});
  }

  void axes() {
    const Member* member = grid.find("axes");
    if (!member) return;
    if (!member->value.is_table()) {
      diagnostics.error(member->position, message("[grid] axes is ", member->value.seen()),
                        "axes = { \"tuned.objective.beta\" = [0.1, 0.2] }");
      return;
    }
    for (const Member& entry : member->value.as_table()) {
      GridAxis axis;
      add_path(axis, entry, "axis");
      if (!axis.paths.empty()) table.axes.push_back(std::move(axis));
    }
  }

  void tied() {
    const Member* member = grid.find("tied");
    if (!member) return;
    if (!member->value.is_array()) {
      diagnostics.error(member->position, message("[grid] tied is ", member->value.seen()),
                        kTiedForm);
      return;
    }
    for (const Value& group : member->value.as_array()) {
      if (!group.is_table() || group.as_table().size() < 2) {
        diagnostics.error(
            group.position(),
            message("[grid] an element of tied is ",
                    group.is_table() ? "a table of fewer than two paths" : group.seen()),
            kTiedForm);
        continue;
      }
      GridAxis axis;
      for (const Member& entry : group.as_table()) add_path(axis, entry, "tied");
      if (axis.paths.size() == group.as_table().size() && is_even(axis))
        table.axes.push_back(std::move(axis));
    }
  }

  bool is_even(const GridAxis& axis) {
    for (const GridAxis::Path& path : axis.paths) {
      if (path.values.size() == axis.size()) continue;
      diagnostics.error(path.position,
                        message("[grid] tied \"", path.path, "\" has ", path.values.size(),
                                " values, \"", axis.paths.front().path, "\" has ", axis.size()),
                        "values that move together are equally many");
      return false;
    }
    return true;
  }

  /// Rows that say the same, and paths that two axes set.
  void repetitions() {
    for (const GridAxis& axis : table.axes)
      for (std::size_t i = 0; i < axis.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (std::all_of(axis.paths.begin(), axis.paths.end(), [&](const GridAxis::Path& path) {
                return is_same_value(path.values[i], path.values[j]);
              }))
            repetition(axis.paths.front(), i, j);
    std::vector<const GridAxis::Path*> seen;
    for (const GridAxis& axis : table.axes)
      for (const GridAxis::Path& path : axis.paths) {
        for (const GridAxis::Path* other : seen) overlap(path, *other);
        seen.push_back(&path);
      }
  }

  void repetition(const GridAxis::Path& path, std::size_t i, std::size_t j) {
    const std::string text = config::to_toml(path.values[i]),
                      first = config::to_toml(path.values[j]);
    diagnostics.error(path.values[i].position(),
                      message("[grid] \"", path.path, "\" has the value ", text, " twice"),
                      text == first
                          ? "every value once"
                          : message(first, " and ", text, " are one value: every value once"));
  }

  void overlap(const GridAxis::Path& path, const GridAxis::Path& earlier) {
    const std::string mine = without_quotes(path.path), theirs = without_quotes(earlier.path);
    if (mine == theirs)
      diagnostics.error(path.position, message("[grid] two axes set \"", path.path, "\""),
                        "one axis for a path; values that move together go into one of tied");
    else if (theirs.starts_with(mine + "."))
      diagnostics.error(
          path.position,
          message("[grid] axis \"", path.path, "\" lays over what \"", earlier.path, "\" sets"),
          "write the wider path first");
  }

  void exclude() {
    const Member* member = grid.find("exclude");
    if (!member) return;
    if (!member->value.is_array()) {
      diagnostics.error(member->position, message("[grid] exclude is ", member->value.seen()),
                        kExcludeForm);
      return;
    }
    for (const Value& entry : member->value.as_array()) {
      if (!entry.is_table() || entry.as_table().empty()) {
        diagnostics.error(entry.position(),
                          message("[grid] an element of exclude is ",
                                  entry.is_table() ? "an empty table" : entry.seen()),
                          kExcludeForm);
        continue;
      }
      GridExclusion exclusion{entry.position(), entry.as_table()};
      bool is_known = true;
      for (const Member& path : exclusion.entries) is_known = check_excluded(path) && is_known;
      if (is_known) table.exclude.push_back(std::move(exclusion));
    }
  }

  bool check_excluded(const Member& entry) {
    std::vector<std::string> names;
    const GridExclusion one{entry.position, {entry}};
    const auto refuse = [&](const std::string& values) {
      diagnostics.error(
          entry.value.position(),
          message("[grid] exclude: \"", entry.key, "\" is never ", config::to_toml(entry.value)),
          "its values: " + values);
      return false;
    };
    for (const GridAxis& axis : table.axes)
      for (const GridAxis::Path& path : axis.paths) {
        names.push_back(path.path);
        if (path.path != entry.key) continue;
        std::string values;
        for (const Value& value : path.values) {
          if (one.matches(path.path, value)) return true;
          values += (values.empty() ? "" : ", ") + config::to_toml(value);
        }
        return refuse(values);
      }
    names.emplace_back("seed");
    if (entry.key == "seed") {
      std::string values;
      for (const std::int64_t seed : table.seeds.values) {
        if (one.matches("seed", Value::integer(seed))) return true;
        values += (values.empty() ? "" : ", ") + std::to_string(seed);
      }
      return refuse(values.empty() ? "[grid] has no seeds" : values);
    }
    diagnostics.error(entry.position, message("[grid] exclude: no axis is \"", entry.key, "\""),
                      config::did_you_mean(entry.key, names, "axes"));
    return false;
  }
};

/// Equal; 1 and 1.0 are; a table matches one that holds it; a text matches a component's type.
bool matches_value(const Value& wanted, const Value& value) {
  if (is_number(wanted) && is_number(value)) return wanted.as_real() == value.as_real();
  if (wanted.is_string() && value.is_table()) return value.text_of("type") == wanted.as_string();
  if (!wanted.is_table() || !value.is_table()) return wanted == value;
  return std::all_of(wanted.as_table().begin(), wanted.as_table().end(), [&](const Member& entry) {
    const Member* member = value.find(entry.key);
    return member && matches_value(entry.value, member->value);
  });
}

}  // namespace

bool GridExclusion::matches(const std::string& path, const Value& value) const {
  return std::all_of(entries.begin(), entries.end(), [&](const Member& entry) {
    return entry.key != path || matches_value(entry.value, value);
  });
}

GridTable read_grid(const Value& grid, const Value& root, Diagnostics& diagnostics) {
  Reader reader{grid, root, diagnostics};
  reader.keys();
  reader.seeds();
  reader.axes();
  reader.tied();
  reader.repetitions();
  reader.exclude();
  return std::move(reader.table);
}

}  // namespace lldm
