// SPDX-License-Identifier: MIT
// Who shares a memory budget.
#pragma once

#include <cstdint>
#include <string_view>

#include "lldm/distributed/process_group.hpp"

namespace lldm {

/// All, the first time: processes of this machine that divide [memory] budget among them, those
/// that compute on its CPU, or on this one's GPU.  `group` may be null: this process alone.
[[nodiscard]] std::int64_t budget_sharers(ProcessGroup* group, std::string_view device);

/// What this process's GPU has in all; 0 of a CPU.
[[nodiscard]] std::int64_t device_bytes(std::string_view device);

}  // namespace lldm
