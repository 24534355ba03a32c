// SPDX-License-Identifier: MIT
// The rows that training stages will see, where they are there.
#pragma once

#include <cstddef>
#include <string>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

class Registry;

/// Fills `known_rows` of the schedule's experiments: of every training stage whose rows and
/// tokenizer are there already.  Rows that cannot be read are left out: what is wrong with them is
/// told where a run looks at them.
/// Cost    every such row is read and encoded once a cell; rows of the first cell are kept, of the
///         others their longest text.
void find_rows(RunSchedule& schedule, const Registry& registry);
/// The same of the first cell alone.
void find_rows_of_first(RunSchedule& schedule, const Registry& registry);
/// What a plan of the first cell alone says beside it; "" where there is one.
std::string first_of(std::size_t cells);

}  // namespace lldm
