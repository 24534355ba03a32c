// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

/// More cells than this are refused: a mistyped axis, more often than a wish.
inline constexpr std::int64_t kMaxGridCells = 10000;

/// One combination of a grid: the file with its axes' values written in.
struct Cell {
  std::vector<std::pair<std::string, config::Value>> axes;  // path -> value
  std::int64_t seed = 0;
  std::string seed_from;  // stages before this one keep the file's seed; "" : all take the cell's
  config::Value root;     // without [grid]
};

/// Cells of a file: `axes` and the elements of `tied` (cartesian, the last fastest), then seeds,
/// less what `exclude` matches.  A file without [grid] has one cell, the file itself.
///
/// Errors  to `diagnostics`, at the key: an axis that is no list, is empty, repeats a value or
///         names nothing that exists; two axes on one path; tied lists of unequal length;
///         exclusions that leave out nothing or everything; seeds that are not integers, repeat, or
///         start at an unknown stage; more than kMaxGridCells cells.
std::vector<Cell> expand_grid(const config::Value& root,
                              const std::vector<std::string>& top_level_keys,
                              config::Diagnostics& diagnostics);

}  // namespace lldm
