// SPDX-License-Identifier: MIT
// Who shares a memory budget.
#pragma once

#include <cstdint>
#include <string_view>

#include "experiment/budget_range.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/memory/device_profile.hpp"

namespace lldm {

/// All, the first time: processes of this machine that divide [memory] budget among them, those
/// that compute on its CPU, or on this one's GPU.  `group` may be null: this process alone.
[[nodiscard]] std::int64_t budget_sharers(ProcessGroup* group, std::string_view device);

/// Of what steps may hold, the budgets that a file names for it (DeviceProfile::usable), as they
/// are looked up: of a CPU for one process, of a GPU for all that share it.
[[nodiscard]] BudgetRange in_budgets_of_files(BudgetRange range, const DeviceProfile& profile,
                                              std::int64_t sharers);

/// What this process's GPU has in all; 0 of a CPU.
[[nodiscard]] std::int64_t device_bytes(std::string_view device);

}  // namespace lldm
