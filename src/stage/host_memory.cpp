// SPDX-License-Identifier: MIT
#include "stage/host_memory.hpp"

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "memory/locked_memory.hpp"
#include "memory/machine_memory.hpp"

namespace lldm {

HostLimits host_limits() {
  return {.bytes = machine_memory_bytes(), .locked = memory::lockable_bytes()};
}

void require_host_memory(const HostNeeds& needs, const HostLimits& limits,
                         const std::string& advice) {
  if (needs.bytes > limits.bytes / limits.processes)
    throw OutOfMemory(message(
        "out of host memory before the first step: the plan needs ", bytes_text(needs.bytes),
        ", this machine has ", bytes_text(limits.bytes),
        limits.processes > 1 ? message(" for ", limits.processes, " processes") : std::string(),
        "\n", advice));
  if (limits.locked >= 0 && needs.locked > limits.locked)
    throw OutOfMemory(message(
        "out of lockable host memory before the first step: the plan locks ",
        bytes_text(needs.locked), " for copies to the device, this process may lock ",
        bytes_text(limits.locked),
        "\n  ulimit -l unlimited in the shell that starts it (a service: LimitMEMLOCK)\n"
        "  or nothing on the host: [optimizer] resident = \"device\", [memory] frozen_weights = "
        "\"resident\", another [model] recomputation than \"offload\""));
}

}  // namespace lldm
