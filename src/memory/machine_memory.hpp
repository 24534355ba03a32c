// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// Bytes that the processes of this machine may have in all: its memory, or the limit of the
/// control group where that is lower.
[[nodiscard]] std::int64_t machine_memory_bytes();

}  // namespace lldm
