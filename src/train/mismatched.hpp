// SPDX-License-Identifier: MIT
// Which answer a prompt is scored with where an objective asks for mismatched ones: KTO's baseline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lldm/score/finite_scores.hpp"
#include "lldm/train/training_rows.hpp"

namespace lldm {

/// The row whose first answer row `here` is scored with: of labelled rows the nearest before it
/// that has another prompt, of pairs the nearest behind it, around the end; `here` itself where all
/// rows have one prompt.
[[nodiscard]] std::size_t mismatched_row(std::span<const TrainingRow> rows, std::size_t here);

/// What is wrong with the order of labelled rows, on which their baseline depends: nearly all
/// mismatched answers bear one label, one answer stands for many, or the mismatched answers of
/// whole steps are all to one prompt.  "" where nothing is, and of pairs.
/// `order`: of the run whose first epoch is looked at.
[[nodiscard]] std::string mismatched_problem(std::span<const TrainingRow> rows, RowOrder order,
                                             std::int64_t rows_per_step);

/// Which prompts are, with the answer of another row, longer than `max_length` tokens, at most ten
/// by name; "" where none is.
[[nodiscard]] std::string mismatched_too_long(std::span<const TrainingRow> rows,
                                              const ScoreLabels& labels, std::int64_t max_length);

}  // namespace lldm
