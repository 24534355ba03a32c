// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "lldm/concepts/plan.hpp"

namespace lldm {

/// What is wrong with a plan, and what would be right behind a line break: sizes that do not fit,
/// positions, ids, copies, slots or replicates out of range, weights and constants that are not
/// finite.  "" if nothing is.
///
/// A token may be `vocabulary_size` itself, the mask behind a vocabulary that does not hold it; a
/// target must be below it.
///
/// Cost    one look at every token and query, no allocation.
[[nodiscard]] std::string plan_failure(const ScorePlan& plan, std::int64_t vocabulary_size);

/// Throws where `plan_failure` says something: PluginError naming component and plugin where a
/// plugin made the plan, else ShapeError.
void check_plan(const ScorePlan& plan, std::int64_t vocabulary_size);

}  // namespace lldm
