// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/concepts/plan.hpp"
#include "lldm/concepts/score_set.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm {

/// One encoded row: a text (pretraining, SFT) or the answers to one prompt (chosen first).
struct TrainingRow {
  std::uint64_t id = 0;  // stable across epochs, batch sizes and resumes: part of the draws' key
  std::vector<Text> answers;
};

/// What a step on these rows is normalized by.
[[nodiscard]] StepTotals totals_of(std::span<const TrainingRow* const> rows,
                                   double micro_batches = 1);
[[nodiscard]] StepTotals totals_of(std::span<const TrainingRow> rows);

/// Which rows belong to which optimizer step: epochs of a keyed shuffle, one behind the other.
///
/// A pure function of (draws, number of rows, rows per step): a resumed run needs the step number
/// alone.
class RowOrder {
 public:
  /// With `epochs` = 0 the sequence has no end; else its last step may be shorter.
  RowOrder(const Draws& draws, std::int64_t rows, std::int64_t rows_per_step);

  struct Entry {
    std::int64_t row;
    std::uint64_t epoch;
  };
  /// Rows of a 0-based step; cut at `limit` rows in all (epochs * rows), unlimited if negative.
  [[nodiscard]] std::vector<Entry> step(std::int64_t index, std::int64_t limit = -1);

 private:
  Draws draws_;
  std::int64_t rows_, rows_per_step_;
  std::int64_t cached_epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace lldm
