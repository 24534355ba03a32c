// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/config/document.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

class MemoryManager;
class Registry;

/// Who watches a run: progress, and whether it should stop.  All calls come from the running
/// thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// A piece of work begins; `total` 0: not known.
  virtual void begin(std::string_view /*label*/, std::string_view /*unit*/, std::int64_t /*done*/,
                     std::int64_t /*total*/) {}
  virtual void progress(std::int64_t /*done*/,
                        const std::vector<std::pair<std::string, double>>& /*metrics*/) {}
  virtual void end() {}
  virtual bool should_stop() { return false; }
};

struct RunOptions {
  std::filesystem::path out;
  std::string stage = "all";        // a stage's name: that stage and what it needs
  std::filesystem::path resume;     // a checkpoint folder to go on from, instead of the newest one
  bool is_fresh = false;            // remove what an earlier run of this file left in `out`
  bool retries_failed = true;       // a grid's work that is recorded as failed is tried again
  RunObserver* observer = nullptr;  // never null inside a run
};

/// A file that was loaded and bound, cell by cell.
struct LoadedExperiment {
  config::Document document;
  std::vector<Cell> cells;
  std::vector<Experiment> experiments;
  config::Value resolved;  // what config.resolved.toml says
};

/// Loads, expands and binds a file.  ConfigError with every mistake at once.
LoadedExperiment load_experiment(const std::filesystem::path& file,
                                 const std::vector<std::string>& overrides,
                                 const Registry& registry);

/// Runs (or goes on with) an experiment in `options.out`, in this process.
///
/// The folder then holds config.resolved.toml, index.json, metrics.jsonl, one folder per stage
/// (with `model/`, `checkpoints/`, `result.json`; cells/<id>/<stage> and shared/<stage>-<hash> in a
/// grid), report.md, report.json and costs.json. Errors  ConfigError if the folder belongs to
/// another config (the difference is shown) or the config
///         asks for what is not built yet; Stopped when the observer asks to stop, everything
///         saved.
void run_experiment(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                    Logger& logger, const RunOptions& options);

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

/// Files and folders that stages read and that are not there or hold other rows than the stage
/// reads, one text each.  A run refuses them before its first stage; `validate` notes them.
/// `stage`: only what that stage and those before it that it needs read.
std::vector<std::string> missing_files(const LoadedExperiment& loaded,
                                       const std::string& stage = "all");

/// Schedules that the file sets and no estimator behind them reads, one "file:line:column: ..." and
/// its hint each: noted, not refused, since a grid may sweep the estimator beside the schedule.
std::vector<std::string> unread_schedules(const LoadedExperiment& loaded, const Registry& registry);

}  // namespace lldm
