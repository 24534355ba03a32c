// SPDX-License-Identifier: MIT
// What can be said of a run before it starts: what it would do, and what would stop it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"

namespace lldm {

class Registry;

/// What `run --dry-run` and `plan` print: work, steps, forward passes, predicted memory.
std::string describe_plan(const LoadedExperiment& loaded, const Registry& registry,
                          const std::filesystem::path& out);

/// What `grid plan` prints: cells by axes and seed, how often each stage is done and what it costs.
std::string describe_grid(const LoadedExperiment& loaded, const Registry& registry,
                          const std::filesystem::path& out);

/// The most that any stage of any cell is planned to hold, in bytes, if every text is as long as
/// the model accepts.
std::int64_t planned_peak_bytes(const LoadedExperiment& loaded, const Registry& registry);

/// What the file asks for and lldm cannot run yet, one line each ("not runnable yet: ...").
std::vector<std::string> not_runnable_yet(const LoadedExperiment& loaded);

/// ConfigError with every mistake between the parts of a stage, from the file alone: an objective
/// that compares another number of answers than the stage has, a gradient path that is not exact
/// for it, a canvas that leaves no room for a prompt, an unknown device.
void check_fit(const LoadedExperiment& loaded, const Registry& registry);

/// Files and folders that stages read and that cannot be used, as `missing_files`.
std::vector<FileProblem> file_problems(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage = "all");

/// Files and folders that stages read and that are not there or hold other rows than the stage
/// reads, one text each.  A run refuses them before its first stage; `validate` does too, and notes
/// what is missing where the file says why (`requires`).
/// `stage`: only what that stage and those before it that it needs read.
std::vector<std::string> missing_files(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage = "all");

/// Schedules that the file sets and no estimator behind them reads, one "file:line:column: ..." and
/// its hint each: noted, not refused, since a grid may sweep the estimator beside the schedule.
std::vector<std::string> unread_schedules(const LoadedExperiment& loaded, const Registry& registry);

}  // namespace lldm
