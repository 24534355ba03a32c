// SPDX-License-Identifier: MIT
// What can be said of a run before it starts: what it would do, and what would stop it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/stage/run_options.hpp"

namespace lldm {

class Logger;
class Registry;

/// The file with the threads that the folder `out` was begun with, if it names none itself: bits,
/// and so hashes of work, depend on them.
LoadedExperiment with_threads_of(LoadedExperiment loaded, const std::filesystem::path& out,
                                 Logger& logger);

/// What a run would find in its folder and its store.
struct Outlook {
  std::filesystem::path out;
  RunSchedule schedule;
  /// One per piece of work: "reused", "from the store", "goes on" (from its checkpoint), "to do";
  /// "not asked for" by `--stage`.
  std::vector<std::string> states = {};
  ReusedWork counts = {};
  std::string refusal = {};  // why the run would not take the folder; "": it would

  [[nodiscard]] bool is_reused(std::size_t work) const {
    return states[work] == "reused" || states[work] == "from the store";
  }
};

/// Looks at `options.out` and `options.store` as they are now; takes, makes and changes nothing.
/// Errors  ConfigError for a stage that the file does not have; what else would stop the run is
///         `refusal`, so that the plan can be shown beside it.
Outlook look_ahead(const LoadedExperiment& loaded, const RunOptions& options);

/// Everything that can refuse a run before it looks at its folder: what cannot be run yet, parts
/// that do not fit, sizes beyond this machine, missing files (of `stage` and what it needs).
/// Gives what check_fit notes.
/// Errors  ConfigError with every mistake
std::vector<std::string> check_runnable(const LoadedExperiment& loaded, const Registry& registry,
                                        const std::string& stage);

/// What `run --dry-run` and `plan` print: work and its state, steps, forward passes, predicted
/// memory.
std::string describe_plan(const LoadedExperiment& loaded, const Registry& registry,
                          const Outlook& outlook);

/// What `grid plan` prints: cells by axes and seed, how often each stage is done, how much of it is
/// reused and what it costs.
std::string describe_grid(const LoadedExperiment& loaded, const Registry& registry,
                          const Outlook& outlook);

/// The most that any stage of any cell is planned to hold, in bytes, if every text is as long as
/// the model accepts.
std::int64_t planned_peak_bytes(const LoadedExperiment& loaded, const Registry& registry);

/// What the file sets without effect, one "file:line:column: ..." and its hint each.
/// Errors  ConfigError with every mistake between the parts of a stage, from the file alone: an
///         objective that compares another number of answers than the stage has, a gradient path
///         that is not exact for it, a canvas that leaves no room for a prompt, an unknown device.
std::vector<std::string> check_fit(const LoadedExperiment& loaded, const Registry& registry);

/// Files and folders that stages read and that cannot be used, as `missing_files`.
std::vector<FileProblem> file_problems(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage = "all");

/// Files and folders that stages read and that are not there or hold other rows than the stage
/// reads, one text each.  A run refuses them before its first stage; `validate` does too, and notes
/// what is missing where the file says why (`requires`).
/// `stage`: only what that stage and those before it that it needs read.
std::vector<std::string> missing_files(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage = "all");

}  // namespace lldm
