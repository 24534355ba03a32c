// SPDX-License-Identifier: MIT
// Work whose process died at it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// The piece of work that a process of this machine held when it died: its claim is free, but still
/// names it.
std::optional<std::size_t> work_lost_by(const RunSchedule& schedule,
                                        const std::filesystem::path& out, std::int64_t process);

/// Records a piece of work as failed (failed.json); `code` is the exit code it would have had
/// alone.
void record_failure(const Work& work, const std::string& error, int code);

}  // namespace lldm
