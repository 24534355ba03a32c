// SPDX-License-Identifier: MIT
// The folder of a run: whose it is, and how it is emptied.
#pragma once

#include "experiment/folder_index.hpp"
#include "lldm/run/run.hpp"

namespace lldm {

/// How much work of `before` the file no longer names.
/// Errors  ConfigError if the file would change finished work (stage and key are named), or if
///         another version of lldm finished it.
std::size_t require_growth(const RunSchedule& schedule, const FolderIndex& before);

/// Writes config.resolved.toml with the digests of the input files, and index.json; what
/// config.resolved.toml said before stays in config.history.  Returns how much work lies here that
/// the file no longer names.
/// Errors  as `require_growth`.
std::size_t claim_folder(const std::filesystem::path& out, const config::Value& resolved,
                         const RunSchedule& schedule, Logger& logger);

/// Removes what a run of this file left in `out`, and nothing else.  Error if a worker is at it.
void remove_run(const std::filesystem::path& out, const LoadedExperiment& loaded,
                const RunSchedule& schedule);

}  // namespace lldm
