// SPDX-License-Identifier: MIT
// Which micro-batches of a stage may hold most: its order is known before the first step.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "lldm/train/training_rows.hpp"
#include "stage/step_sizes.hpp"

namespace lldm {

/// Rows that one process scores together, each with its epoch.
using BatchRows = std::vector<RowOrder::Entry>;

/// Loads of a stage's rows: of all, or of a corpus those that its first `steps` read, so that a
/// larger corpus takes no more memory.
struct RowLoads {
  std::int64_t rows = 0;   // of the stage
  std::int64_t steps = 0;  // all of whose rows are here
  std::vector<MicroBatchLoad> all;
  std::unordered_map<std::int64_t, MicroBatchLoad> some;

  /// Nothing of a row that was not read.
  [[nodiscard]] const MicroBatchLoad& of(std::int64_t row) const;
};

/// Tokens of the largest forward pass of up to `max_tokens` (or of one copy) that these texts make,
/// in this order.  O(texts).
std::int64_t largest_pass(std::span<const TextLoad> texts, std::int64_t max_tokens);

/// Of the micro-batches of the steps that `loads` are of those with most tokens, those with the
/// largest pass of every size that a run may take (`setup`'s; 0: the largest micro-batch and its
/// halves), those with the largest and the longest text, and under patterns those with most masks;
/// the first has most tokens.  Of more than 2^24 rows, the heaviest rows together.
std::vector<BatchRows> heavy_batches(const StepParts& parts, const TrainingSetup& setup,
                                     const StepSharing& sharing, const RowLoads& loads);

/// The first `most` micro-batches of the stage.
std::vector<BatchRows> first_batches(const StepParts& parts, const TrainingSetup& setup,
                                     const StepSharing& sharing, const RowLoads& loads,
                                     std::int64_t most);

/// Of a loss that couples all rows of a step, all of them.
std::int64_t rows_per_micro_batch(const StepParts& parts);

}  // namespace lldm
