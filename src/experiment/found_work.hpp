// SPDX-License-Identifier: MIT
// What a run finds before it begins: finished work, models from elsewhere.
#pragma once

#include <filesystem>
#include <vector>

#include "experiment/work_seal.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

/// Checks every finished piece of work in the folder of a run: it is used again.
/// Errors  DataError naming the file, and the row of a JSONL file.
/// Cost    one reading of the results, rows and metrics, and of weights where `weights` asks for it
void check_found_work(const RunSchedule& schedule, const std::filesystem::path& out,
                      WeightCheck weights, Logger& logger);

/// Says, once for each, which model folders that the work to be done names are bound by no
/// manifest.  What such a folder of a later stage holds is looked at now.
/// Errors  DataError naming a tensor with a number that is not finite.
/// Cost    reads the weights of later stages' folders
void note_unbound_models(const RunSchedule& schedule, const std::vector<bool>& needed,
                         Logger& logger);

}  // namespace lldm
