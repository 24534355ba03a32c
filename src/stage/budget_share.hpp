// SPDX-License-Identifier: MIT
// Who shares a memory budget.
#pragma once

#include <cstdint>
#include <string_view>

#include "lldm/distributed/process_group.hpp"

namespace lldm {

/// Processes of this machine that divide [memory] budget among them: those that compute on its CPU.
/// A GPU is each one's own.  `group` may be null: this process alone.
inline std::int64_t budget_sharers(const ProcessGroup* group, std::string_view device) {
  return group && device == "cpu" ? group->local_size() : 1;
}

}  // namespace lldm
