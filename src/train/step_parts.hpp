// SPDX-License-Identifier: MIT
// Which process does which rows of a step.
#pragma once

#include <cstddef>
#include <vector>

namespace lldm {

/// Rows that are scored and back-propagated at once, in the order of the step.
struct StepPart {
  std::size_t begin = 0, end = 0;
  int rank = 0;  // who does it
};

/// The micro-batches of a step, in turn over the ranks.
inline std::vector<StepPart> whole_parts(const std::vector<std::size_t>& ends, int ranks) {
  std::vector<StepPart> parts;
  for (const std::size_t end : ends)
    parts.push_back({parts.empty() ? 0 : parts.back().end, end,
                     static_cast<int>(parts.size() % static_cast<std::size_t>(ranks))});
  return parts;
}

/// The rows of a step in one run a rank, as equal as can be, cut where they are more than `most`.
inline std::vector<StepPart> split_parts(std::size_t rows, std::size_t most, int ranks) {
  std::vector<StepPart> parts;
  const auto count = static_cast<std::size_t>(ranks);
  for (std::size_t r = 0; r < count; ++r) {
    const std::size_t last = rows * (r + 1) / count;
    for (std::size_t at = rows * r / count; at < last; at += most)
      parts.push_back({at, at + most < last ? at + most : last, static_cast<int>(r)});
  }
  return parts;
}

}  // namespace lldm
