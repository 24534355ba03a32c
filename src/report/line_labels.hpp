// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "report/row.hpp"

namespace lldm {

/// What a line of a report is of.
struct LineOf {
  std::string stage;
  Axes axes;
  std::string evaluated_by = "";
  std::string seeds = "";  // "seed=1", where lines of other seeds would read alike without
};

/// One label a line, which says what tells the line from the others of its stage and nothing else:
/// "tuned, full_trajectory", "sft".  An axis that has one value in all of them is left out (where
/// only some have it at all, it stays if they would read alike without); the line's seeds follow
/// where it names them, and in parentheses the measuring stage where several measure the same.
std::vector<std::string> line_labels(const std::vector<LineOf>& lines);

/// What both tables of axes say: the paths that have the same value in both, in the order of `a`.
Axes common_axes(const Axes& a, const Axes& b);

}  // namespace lldm
