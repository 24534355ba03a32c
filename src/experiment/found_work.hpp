// SPDX-License-Identifier: MIT
// What a run finds before it begins: finished work, models from elsewhere.
#pragma once

#include <filesystem>
#include <vector>

#include "lldm/experiment/schedule.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

/// Checks every finished piece of work in the folder of a run: it is used again.
/// Errors  DataError naming the file, and the row of a JSONL file.
/// Cost    one reading of the results, rows and metrics; weights are hashed when they are loaded
void check_found_work(const RunSchedule& schedule, const std::filesystem::path& out,
                      Logger& logger);

/// Says, once for each, which model folders that the file names are bound by no manifest.
void note_unbound_models(const RunSchedule& schedule, const std::vector<bool>& needed,
                         Logger& logger);

}  // namespace lldm
