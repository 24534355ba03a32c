// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/experiment/schedule.hpp"
#include "lldm/run/load_experiment.hpp"
#include "lldm/stage/run_options.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

class MemoryManager;
class Registry;

/// Runs (or goes on with) an experiment in `options.out`, in this process.
///
/// The folder then holds config.resolved.toml, index.json, metrics.jsonl, one folder per stage
/// (with `model/`, `checkpoints/`, `result.json`; cells/<id>/<stage> and shared/<stage>-<hash> in a
/// grid), report.md, report.json and costs.md.
///
/// Errors  ConfigError if the folder belongs to another config (the difference is shown) or the
///         config asks for what is not built yet; Stopped when the observer asks to stop,
///         everything saved.
void run_experiment(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                    Logger& logger, const RunOptions& options);

}  // namespace lldm
