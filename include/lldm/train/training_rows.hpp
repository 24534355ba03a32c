// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
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
  std::optional<bool> wanted = {};  // of a row with one answer that is labelled
};

/// Rows that are made when they are asked for: of a corpus on disk, of any size.  A row is what a
/// step counts: one text, or several short ones, side by side, that see nothing of each other.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// Number of rows, at least 1.
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// The texts of row `index` in [0, size()), at least one, each with an id of its own.
  [[nodiscard]] virtual std::vector<TrainingRow> row(std::int64_t index) const = 0;
};

/// What a step on these rows is normalized by.
[[nodiscard]] StepTotals totals_of(std::span<const TrainingRow* const> rows,
                                   double micro_batches = 1);
[[nodiscard]] StepTotals totals_of(std::span<const TrainingRow> rows);

/// How an epoch is shuffled.
enum class Shuffle : std::uint8_t {
  table,    // a table of all rows: uniform over every order
  counter,  // CounterPermutation: no memory, whatever the number of rows
};

/// Which rows belong to which optimizer step: epochs of a keyed shuffle, one behind the other.
///
/// A pure function of (draws, number of rows, rows per step): a resumed run needs the step number
/// alone.
class RowOrder {
 public:
  /// With `epochs` = 0 the sequence has no end; else its last step may be shorter.
  RowOrder(const Draws& draws, std::int64_t rows, std::int64_t rows_per_step,
           Shuffle shuffle = Shuffle::table);

  struct Entry {
    std::int64_t row;
    std::uint64_t epoch;
  };
  /// Rows of a 0-based step; cut at `limit` rows in all (epochs * rows), unlimited if negative.
  [[nodiscard]] std::vector<Entry> step(std::int64_t index, std::int64_t limit = -1);

 private:
  Draws draws_;
  std::int64_t rows_, rows_per_step_;
  Shuffle shuffle_;
  std::int64_t cached_epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace lldm
