// SPDX-License-Identifier: MIT
// The folder of a run: whose it is, and how it is emptied.
#pragma once

#include "lldm/run/run.hpp"

namespace lldm {

/// Writes config.resolved.toml with the digests of the input files, and index.json.  ConfigError,
/// with the difference, if the folder holds work of another config or of other input files; where
/// nothing was finished and no checkpoint written, the folder is taken over.
void claim_folder(const std::filesystem::path& out, const config::Value& resolved,
                  const RunSchedule& schedule, Logger& logger);

/// Removes what a run of this file left in `out`, and nothing else.  Error if a worker is at it.
void remove_run(const std::filesystem::path& out, const LoadedExperiment& loaded,
                const RunSchedule& schedule);

}  // namespace lldm
