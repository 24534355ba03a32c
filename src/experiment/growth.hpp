// SPDX-License-Identifier: MIT
// A folder that holds work, and a file that has changed since.
#pragma once

#include <string>
#include <vector>

#include "experiment/folder_index.hpp"
#include "lldm/experiment/schedule.hpp"

namespace lldm {

struct Growth {
  /// What the file would change of finished (or half-finished) work: `stage "sft": ...`, a line
  /// each.
  std::vector<std::string> changes;
  /// Work of cells, seeds, models or stages that the file no longer has.
  std::size_t others = 0;
};

/// Work that is not the file's any more is one of two things: that of a value of an axis, a seed,
/// a stage or a model that the file no longer names, which stays where it is; or work of a stage
/// whose settings or inputs are others now, on no axis: a change of a number.
Growth growth_of(const RunSchedule& schedule, const FolderIndex& before);

}  // namespace lldm
