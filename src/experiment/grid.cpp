// SPDX-License-Identifier: MIT
#include "lldm/experiment/grid.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Value;

struct Seeds {
  std::vector<std::int64_t> values;
  std::string from;
};

Seeds read_seeds(const Value& grid, const Value& root, Diagnostics& diagnostics) {
  const config::Member* member = grid.find("seeds");
  if (!member) return {};
  Seeds seeds;
  const Value* values = &member->value;
  if (member->value.is_table()) {
    seeds.from = std::string(member->value.text_of("from"));
    const config::Member* list = member->value.find("values");
    values = list ? &list->value : nullptr;
    for (const auto& key : member->value.as_table())
      if (key.key != "values" && key.key != "from")
        diagnostics.error(
            key.position, message("[grid] seeds has no key \"", key.key, "\""),
            config::did_you_mean(key.key, std::array<std::string, 2>{"values", "from"}, "keys"));
  }
  if (!values || !values->is_array() || values->as_array().empty()) {
    diagnostics.error(
        member->position, "[grid] seeds lists no seed",
        "seeds = [1, 2, 3], or { values = [1, 2, 3], from = \"<first stage that varies>\" }");
    return {};
  }
  for (const Value& value : values->as_array()) {
    if (!value.is_integer() || value.as_integer() < 0)
      diagnostics.error(value.position(), message("[grid] a seed is ", value.seen()),
                        "legal: integers from 0");
    else if (std::count(seeds.values.begin(), seeds.values.end(), value.as_integer()) > 0)
      diagnostics.error(value.position(),
                        message("[grid] seed ", value.as_integer(), " stands twice"),
                        "every seed once");
    else
      seeds.values.push_back(value.as_integer());
  }
  std::vector<std::string> names;
  if (const config::Member* stages = root.find("stage"); stages && stages->value.is_array())
    for (const Value& stage : stages->value.as_array()) names.emplace_back(stage.text_of("name"));
  if (!seeds.from.empty() && std::find(names.begin(), names.end(), seeds.from) == names.end())
    diagnostics.error(member->value.find("from")->value.position(),
                      message("[grid] seeds start at \"", seeds.from, "\", which is no stage"),
                      config::did_you_mean(seeds.from, names, "stages"));
  return seeds;
}

/// Keys that a process has once: cells share it.
constexpr std::array<std::string_view, 7> kOfTheProcess = {
    "name", "description", "seed", "device", "threads", "plugins", "memory"};

struct Axis {
  std::string path;
  config::Position position;
  std::vector<Value> values;
};

std::vector<Axis> read_axes(const Value& grid, Diagnostics& diagnostics) {
  std::vector<Axis> axes;
  for (const auto& key : grid.as_table())
    if (key.key != "axes" && key.key != "seeds")
      diagnostics.error(
          key.position, message("[grid] has no key \"", key.key, "\""),
          config::did_you_mean(key.key, std::array<std::string, 2>{"axes", "seeds"}, "keys"));
  const config::Member* table = grid.find("axes");
  if (!table) return axes;
  if (!table->value.is_table()) {
    diagnostics.error(table->position, message("[grid] axes is ", table->value.seen()),
                      "axes = { \"tuned.objective.beta\" = [0.1, 0.2] }");
    return axes;
  }
  for (const auto& axis : table->value.as_table()) {
    if (!axis.value.is_array() || axis.value.as_array().empty()) {
      diagnostics.error(axis.position,
                        message("[grid] axis \"", axis.key, "\" is ", axis.value.seen()),
                        "an axis lists its values: [0.1, 0.2]");
      continue;
    }
    const std::string first = axis.key.substr(0, axis.key.find('.'));
    if (std::find(kOfTheProcess.begin(), kOfTheProcess.end(), first) != kOfTheProcess.end()) {
      diagnostics.error(axis.position,
                        message("[grid] axis \"", axis.key, "\": `", first,
                                "` is one for the whole run, not for a cell"),
                        first == "seed"
                            ? "write seeds = [1, 2, 3] in [grid]"
                            : "run the file once for each, with --set and its own --out");
      continue;
    }
    axes.push_back({axis.key, axis.position, axis.value.as_array()});
  }
  return axes;
}

}  // namespace

std::string axis_label(const Value& value) {
  if (value.is_string()) return value.as_string();
  const std::string_view type = value.text_of("type");
  return type.empty() ? config::to_toml(value) : std::string(type);
}

std::vector<Cell> expand_grid(const Value& root, const std::vector<std::string>& top_level_keys,
                              Diagnostics& diagnostics) {
  Value base = root;
  const config::Member* grid = root.find("grid");
  const config::Member* seed = root.find("seed");
  const std::int64_t file_seed = seed && seed->value.is_integer() ? seed->value.as_integer() : 42;
  std::vector<Cell> cells{{.axes = {}, .seed = file_seed, .seed_from = "", .root = base}};
  if (!grid) return cells;
  if (!grid->value.is_table()) {
    diagnostics.error(grid->position, message("`grid` is ", grid->value.seen()),
                      "write a [grid] table");
    return cells;
  }
  const std::vector<Axis> axes = read_axes(grid->value, diagnostics);
  const Seeds seeds = read_seeds(grid->value, root, diagnostics);
  double count = static_cast<double>(std::max<std::size_t>(1, seeds.values.size()));
  for (const Axis& axis : axes) count *= static_cast<double>(axis.values.size());
  if (count > static_cast<double>(kMaxGridCells)) {
    diagnostics.error(grid->position, message("[grid] has ", count, " cells"),
                      message("legal: at most ", kMaxGridCells));
    return cells;
  }
  base.erase("grid");
  cells.front().root = base;
  for (const Axis& axis : axes) {
    std::vector<Cell> next;
    for (const Cell& cell : cells)
      for (const Value& value : axis.values) {
        Cell varied = cell;
        varied.axes.emplace_back(axis.path, value);
        // The value takes the axis's place in messages only where it has none of its own.
        assign(varied.root, axis.path, axis.position, value, top_level_keys, diagnostics);
        next.push_back(std::move(varied));
      }
    cells = std::move(next);
  }
  if (seeds.values.empty()) return cells;
  std::vector<Cell> seeded;
  for (const Cell& cell : cells)
    for (const std::int64_t value : seeds.values) {
      seeded.push_back(cell);
      seeded.back().seed = value;
      seeded.back().seed_from = seeds.from;
    }
  return seeded;
}

}  // namespace lldm
