// SPDX-License-Identifier: MIT
// The folder of a run: whose it is, and how it is emptied.
#pragma once

#include "lldm/experiment/run.hpp"

namespace lldm {

/// Writes config.resolved.toml with the digests of the input files.  ConfigError, with the
/// difference, if the folder holds work of another config or of other input files; where nothing
/// was finished and no checkpoint written, the folder is taken over.
void claim_folder(const std::filesystem::path& out, const config::Value& resolved, Logger& logger);

/// Removes what a run of this file left in `out`, and nothing else.
void remove_run(const std::filesystem::path& out, const LoadedExperiment& loaded);

}  // namespace lldm
