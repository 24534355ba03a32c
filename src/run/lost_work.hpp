// SPDX-License-Identifier: MIT
// Work whose process died at it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lldm/experiment/schedule.hpp"
#include "run/work_claim.hpp"

namespace lldm {

/// The piece of work that a process of this machine held when it died: its claim is free, but still
/// names it.
std::optional<std::size_t> work_lost_by(const RunSchedule& schedule,
                                        const std::filesystem::path& out, std::int64_t process);

/// What is to be recorded of the work of a process that died without letting go of it, and whose
/// parent, if it had one, says nothing: a crash, or the third of several that were killed at it
/// without a checkpoint between them; "" where it is to be done again.
std::string failure_by_death(const ClaimState& dead);

/// Records a piece of work as failed (failed.json); `code` is the exit code it would have had
/// alone.
void record_failure(const Work& work, const std::string& error, int code);

}  // namespace lldm
