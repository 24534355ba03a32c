// SPDX-License-Identifier: MIT
#include "lldm/train/training_rows.hpp"

#include "lldm/draws/permutation.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

void add(StepTotals& totals, const TrainingRow& row) {
  totals.groups += 1;
  totals.rows += static_cast<double>(row.answers.size());
  totals.first_tokens += static_cast<double>(row.answers.front().num_scored());
  for (const Text& text : row.answers) totals.tokens += static_cast<double>(text.num_scored());
}

}  // namespace

StepTotals totals_of(std::span<const TrainingRow* const> rows, double micro_batches) {
  StepTotals totals;
  totals.micro_batches = micro_batches;
  for (const TrainingRow* row : rows) add(totals, *row);
  return totals;
}

StepTotals totals_of(std::span<const TrainingRow> rows) {
  StepTotals totals;
  for (const TrainingRow& row : rows) add(totals, row);
  return totals;
}

RowOrder::RowOrder(const Draws& draws, std::int64_t rows, std::int64_t rows_per_step,
                   Shuffle shuffle)
    : draws_(draws), rows_(rows), rows_per_step_(rows_per_step), shuffle_(shuffle) {
  if (rows < 1) throw DataError("no rows to train on");
}

std::vector<RowOrder::Entry> RowOrder::step(std::int64_t index, std::int64_t limit) {
  std::vector<Entry> entries;
  for (std::int64_t k = index * rows_per_step_; k < (index + 1) * rows_per_step_; ++k) {
    if (limit >= 0 && k >= limit) break;
    const std::int64_t epoch = k / rows_;
    if (shuffle_ == Shuffle::counter) {
      const CounterPermutation order(
          draws_.stream(Purpose::order, static_cast<std::uint64_t>(epoch)), rows_);
      entries.push_back({order.at(k % rows_), static_cast<std::uint64_t>(epoch)});
      continue;
    }
    if (epoch != cached_epoch_) {
      order_ = draws_.stream(Purpose::order, static_cast<std::uint64_t>(epoch)).permutation(rows_);
      cached_epoch_ = epoch;
    }
    entries.push_back(
        {order_[static_cast<std::size_t>(k % rows_)], static_cast<std::uint64_t>(epoch)});
  }
  return entries;
}

}  // namespace lldm
