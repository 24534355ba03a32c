// SPDX-License-Identifier: MIT
// What a plan asks of the host's memory, against what there is.
#pragma once

#include <cstdint>
#include <string>

namespace lldm {

/// Of one process.
struct HostNeeds {
  std::int64_t bytes = 0;   // in all
  std::int64_t locked = 0;  // of them, for copies to a device
};

struct HostLimits {
  std::int64_t bytes = 0;  // that the machine has
  int processes = 1;       // of this run on this machine, which share its bytes
};

/// Of this machine: its memory or that of the control group.  What a process may lock is not asked:
/// a GPU's driver locks pages by itself, past RLIMIT_MEMLOCK; where it refuses, locked_memory says
/// so.
[[nodiscard]] HostLimits host_limits();

/// Errors  OutOfMemory before the first step: what is needed, what there is, and what to do, which
///         for memory is `advice` (indented lines).
void require_host_memory(const HostNeeds& needs, const HostLimits& limits,
                         const std::string& advice);

}  // namespace lldm
