// SPDX-License-Identifier: MIT
// Values of a grid that name files, written so that config.resolved.toml means the same as the
// file.
#pragma once

#include <string>

#include "lldm/experiment/experiment.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {

/// What the cell's bound experiment holds at a path of the grid; null if nothing stands there.
const config::Value* resolved_at(const Experiment& experiment, const std::string& path,
                                 config::Value& scratch);

/// `raw` with every text that became an absolute path in `resolved` replaced by it.
config::Value with_absolute_paths(const config::Value& raw, const config::Value& resolved);

/// The file as it is run: `resolved_document`, with the paths of [grid] absolute, and with the role
/// tables that axes vary left as they are (laid into the stages they would hide the axis).
config::Value resolved_grid_document(const Experiment& whole, const config::Value& root,
                                     std::vector<Cell>& cells,
                                     const std::vector<Experiment>& experiments);

}  // namespace lldm
