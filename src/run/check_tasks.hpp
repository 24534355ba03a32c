// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/experiment/schedule.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

/// Makes every task that work still to be done reads, so that a missing file, a bad row or a
/// checker that is not there shows before anything is trained.  ConfigError with all of them, the
/// stages named.
void check_tasks(const RunSchedule& schedule, const std::vector<bool>& needed,
                 const Registry& registry);

}  // namespace lldm
