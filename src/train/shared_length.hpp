// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "lldm/concepts/plan.hpp"

namespace lldm {

/// Scales the weights of queries behind the length of their group's shortest answer
/// (ObjectiveNeeds::beyond_shared_length; LD-DPO, arXiv:2409.06411).  Plans in order [b * G + g].
void weigh_beyond_shared_length(std::vector<ScorePlan>& plans, std::int64_t group_size,
                                double weight);

}  // namespace lldm
