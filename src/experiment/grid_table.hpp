// SPDX-License-Identifier: MIT
// The table [grid], read: what varies, together with what, and what is left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

/// One dimension of a grid: a path with its values, or several paths whose i-th values go together.
struct GridAxis {
  struct Path {
    std::string path;
    config::Position position;
    std::vector<config::Value> values;
  };
  std::vector<Path> paths;  // one; more for an element of `tied`.  Equally many values each

  [[nodiscard]] std::size_t size() const { return paths.front().values.size(); }
};

struct GridSeeds {
  std::vector<std::int64_t> values;
  std::string from;
};

/// Cells that match every entry are left out.
struct GridExclusion {
  config::Position position;
  config::Table entries;  // path (or "seed") -> value

  /// Whether a path of a cell with this value matches.
  [[nodiscard]] bool matches(const std::string& path, const config::Value& value) const;
};

struct GridTable {
  std::vector<GridAxis> axes;  // `axes`, then the elements of `tied`
  GridSeeds seeds;
  std::vector<GridExclusion> exclude;
};

/// Reads [grid].  Errors go to `diagnostics` at the key: unknown keys, axes that are no lists, are
/// empty or list a value twice, tied lists of unequal length, a path that two axes set, seeds that
/// are none, exclusions of paths or values that no axis has.
GridTable read_grid(const config::Value& grid, const config::Value& root,
                    config::Diagnostics& diagnostics);

}  // namespace lldm
