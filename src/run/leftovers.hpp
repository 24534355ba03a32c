// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Removes what killed processes left half written in a run folder: temporary files and folders of
/// the run's own names and in the folders of its work.  What a process of this machine is writing,
/// the work that anybody is at, and the user's own files stay.  The caller holds the run's lock.
void clean_leftovers(const std::filesystem::path& out, const RunSchedule& schedule);

}  // namespace lldm
