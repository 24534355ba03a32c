// SPDX-License-Identifier: MIT
// Which process does which rows of a step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace lldm {

/// Rows that are scored and back-propagated at once, in the order of the step.
struct StepPart {
  std::size_t begin = 0, end = 0;
  int rank = 0;                 // who does it
  std::size_t micro_batch = 0;  // that it is of
  bool is_whole = true;         // all of it
};

/// What decides which parts a step is cut into.
struct StepSharing {
  int ranks = 1;
  bool is_coupled = false;  // the loss couples all rows of a step, which are one micro-batch
  bool keeps_micro_batches = false;  // sums in a fixed order, or a loss that counts micro-batches
};

/// The micro-batches of a step, in turn over the ranks.
inline std::vector<StepPart> whole_parts(const std::vector<std::size_t>& ends, int ranks) {
  std::vector<StepPart> parts;
  for (std::size_t m = 0; m < ends.size(); ++m)
    parts.push_back({m == 0 ? 0 : ends[m - 1], ends[m],
                     static_cast<int>(m % static_cast<std::size_t>(ranks)), m});
  return parts;
}

/// The rows of a step in one run a rank, as equal as can be, cut where a micro-batch ends.
inline std::vector<StepPart> split_parts(const std::vector<std::size_t>& ends, int ranks) {
  std::vector<StepPart> parts;
  const auto count = static_cast<std::size_t>(ranks);
  const std::size_t rows = ends.back();
  for (std::size_t r = 0, m = 0, at = 0; r < count; ++r)
    for (const std::size_t last = rows * (r + 1) / count; at < last;) {
      const std::size_t first = m == 0 ? 0 : ends[m - 1], end = std::min(last, ends[m]);
      parts.push_back({at, end, static_cast<int>(r), m, at == first && end == ends[m]});
      at = end;
      if (end == ends[m]) ++m;
    }
  return parts;
}

/// Whole micro-batches where all ranks get as many, or where none may be cut.
inline std::vector<StepPart> shared_parts(const std::vector<std::size_t>& ends,
                                          const StepSharing& sharing) {
  const bool are_even =
      !sharing.is_coupled && ends.size() % static_cast<std::size_t>(sharing.ranks) == 0;
  if (sharing.ranks == 1 || sharing.keeps_micro_batches || are_even)
    return whole_parts(ends, sharing.ranks);
  return split_parts(ends, sharing.ranks);
}

/// The micro-batches that are cut, ascending: fewer than there are ranks.
inline std::vector<std::size_t> cut_micro_batches(const std::vector<StepPart>& parts) {
  std::vector<std::size_t> cut;
  for (const StepPart& part : parts)
    if (!part.is_whole && (cut.empty() || cut.back() != part.micro_batch))
      cut.push_back(part.micro_batch);
  return cut;
}

}  // namespace lldm
