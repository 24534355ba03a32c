// SPDX-License-Identifier: MIT
// How long the texts are that training stages will see, where their rows are there.
#pragma once

#include "lldm/experiment/schedule.hpp"

namespace lldm {

class Registry;

/// Fills `row_lengths` of the schedule's experiments: tokens of the longest text of every training
/// stage whose rows and tokenizer are there already.  Rows that cannot be read are left out: what
/// is wrong with them is told where a run looks at them.
/// Cost    every such row is read and encoded once.
void find_row_lengths(RunSchedule& schedule, const Registry& registry);

}  // namespace lldm
