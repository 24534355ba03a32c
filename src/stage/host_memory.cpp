// SPDX-License-Identifier: MIT
#include "stage/host_memory.hpp"

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "memory/machine_memory.hpp"

namespace lldm {

HostLimits host_limits() { return {.bytes = machine_memory_bytes()}; }

void require_host_memory(const HostNeeds& needs, const HostLimits& limits,
                         const std::string& advice) {
  if (needs.bytes > limits.bytes / limits.processes)
    throw OutOfMemory(message(
        "out of host memory before the first step: the plan needs ", bytes_text(needs.bytes),
        ", this machine has ", bytes_text(limits.bytes),
        limits.processes > 1 ? message(" for ", limits.processes, " processes") : std::string(),
        "\n", advice));
}

}  // namespace lldm
