// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/experiment/schedule.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

/// Looks at the texts of `needed` work that is not done, before anything is trained: rows of files
/// and of tasks, and prompts; rows of an earlier stage are not there yet.
/// Cost    encodes every such text once; work that differs in its seed alone is looked at once
/// Errors  DataError, "file:line:column: stage ..." each: what the tokenizer does not know, the
///         mask token as text, texts longer than the model takes
void check_texts(const RunSchedule& schedule, const std::vector<bool>& needed,
                 const Registry& registry);

}  // namespace lldm
