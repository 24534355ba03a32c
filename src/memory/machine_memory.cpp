// SPDX-License-Identifier: MIT
#include "memory/machine_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lldm {

std::int64_t machine_memory_bytes() {
  const auto pages = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES));
  std::int64_t bytes = pages * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream in(file);
    std::int64_t limit = 0;
    if (in >> limit && limit > 0) bytes = std::min(bytes, limit);  // "max" is no number
  }
  return bytes;
}

}  // namespace lldm
