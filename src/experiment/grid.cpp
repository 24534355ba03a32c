// SPDX-License-Identifier: MIT
#include "lldm/experiment/grid.hpp"

#include <algorithm>

#include "experiment/grid_table.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Value;

/// Every cell with every row of the axis.
std::vector<Cell> times(const std::vector<Cell>& cells, const GridAxis& axis,
                        const std::vector<std::string>& top_level_keys, Diagnostics& diagnostics) {
  std::vector<Cell> next;
  next.reserve(cells.size() * axis.size());
  for (const Cell& cell : cells)
    for (std::size_t i = 0; i < axis.size(); ++i) {
      Cell varied = cell;
      for (const GridAxis::Path& path : axis.paths) {
        varied.axes.emplace_back(path.path, path.values[i]);
        // The value takes the axis's place in messages only where it has none of its own.
        assign(varied.root, path.path, path.position, path.values[i], top_level_keys, diagnostics);
      }
      next.push_back(std::move(varied));
    }
  return next;
}

std::vector<Cell> times(const std::vector<Cell>& cells, const GridSeeds& seeds) {
  if (seeds.values.empty()) return cells;
  std::vector<Cell> seeded;
  seeded.reserve(cells.size() * seeds.values.size());
  for (const Cell& cell : cells)
    for (const std::int64_t value : seeds.values) {
      seeded.push_back(cell);
      seeded.back().seed = value;
      seeded.back().seed_from = seeds.from;
    }
  return seeded;
}

bool is_excluded(const Cell& cell, const GridExclusion& exclusion) {
  return exclusion.matches("seed", Value::integer(cell.seed)) &&
         std::all_of(cell.axes.begin(), cell.axes.end(),
                     [&](const auto& axis) { return exclusion.matches(axis.first, axis.second); });
}

void leave_out(std::vector<Cell>& cells, const GridTable& table, const config::Position& position,
               Diagnostics& diagnostics) {
  std::vector<bool> is_out(cells.size(), false);
  for (const GridExclusion& exclusion : table.exclude) {
    bool is_used = false;
    for (std::size_t c = 0; c < cells.size(); ++c)
      if (is_excluded(cells[c], exclusion)) is_used = is_out[c] = true;
    if (!is_used)
      diagnostics.error(exclusion.position, "[grid] an element of exclude leaves no cell out",
                        "its values never come together");
  }
  std::vector<Cell> left;
  for (std::size_t c = 0; c < cells.size(); ++c)
    if (!is_out[c]) left.push_back(std::move(cells[c]));
  if (left.empty()) {
    diagnostics.error(position, "[grid] exclude leaves every cell out", "keep one at least");
    left.push_back(std::move(cells.front()));  // for the checks behind this one
  }
  cells = std::move(left);
}

}  // namespace

std::vector<Cell> expand_grid(const Value& root, const std::vector<std::string>& top_level_keys,
                              Diagnostics& diagnostics) {
  const config::Member* grid = root.find("grid");
  const config::Member* seed = root.find("seed");
  const std::int64_t file_seed = seed && seed->value.is_integer() ? seed->value.as_integer() : 42;
  std::vector<Cell> cells{{.axes = {}, .seed = file_seed, .seed_from = "", .root = root}};
  if (!grid) return cells;
  if (!grid->value.is_table()) {
    diagnostics.error(grid->position, message("`grid` is ", grid->value.seen()),
                      "write a [grid] table");
    return cells;
  }
  const GridTable table = read_grid(grid->value, root, diagnostics);
  double count = static_cast<double>(std::max<std::size_t>(1, table.seeds.values.size()));
  for (const GridAxis& axis : table.axes) count *= static_cast<double>(axis.size());
  if (count > static_cast<double>(kMaxGridCells)) {
    diagnostics.error(grid->position, message("[grid] has ", count, " cells"),
                      message("legal: at most ", kMaxGridCells, ", before exclude"));
    return cells;
  }
  cells.front().root.erase("grid");
  for (const GridAxis& axis : table.axes) cells = times(cells, axis, top_level_keys, diagnostics);
  cells = times(cells, table.seeds);
  leave_out(cells, table, grid->position, diagnostics);
  return cells;
}

}  // namespace lldm
