// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "lldm/train/trainer.hpp"

namespace lldm {

struct TrainerCore::StepRows {
  std::vector<const TrainingRow*> rows;
  std::vector<std::uint64_t> epochs;    // of the draws, one per row
  std::deque<TrainingRow> made{};       // what `rows` points to where a source makes them
  std::deque<TrainingRow> shortened{};  // and where texts are cut
  std::vector<std::size_t> ends{};      // of the micro-batches, in `rows`
};

/// Rows that are scored at once.  A loss that couples groups sees the whole step; the engine still
/// packs it in chunks.
inline std::size_t micro_batch(const ObjectiveNeeds& needs, const TrainingSetup& setup,
                               std::size_t rows) {
  return needs.use == ScoreUse::coupled ? rows
                                        : static_cast<std::size_t>(setup.optimizer.batch_size);
}

template <class T>
std::vector<T> between(const std::vector<T>& all, std::size_t begin, std::size_t end) {
  return {all.begin() + static_cast<std::ptrdiff_t>(begin),
          all.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace lldm
