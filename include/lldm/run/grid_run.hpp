// SPDX-License-Identifier: MIT
// Running a grid in several processes: its folder, its workers, how far it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "lldm/run/run.hpp"
#include "lldm/storage/run_lock.hpp"

namespace lldm {

/// A run folder that this process holds.
struct OpenedRun {
  RunSchedule schedule;
  std::vector<bool> needed;  // which work the run is asked for
  RunLock lock;
};

/// Checks everything that can refuse, then takes the folder: run.lock, config.resolved.toml,
/// index.json; empties it first if `options.is_fresh`.
/// Errors  ConfigError as run_experiment; Error if another process holds the folder.
OpenedRun open_run(const LoadedExperiment& loaded, const Registry& registry, Logger& logger,
                   const RunOptions& options);

/// The experiment of a run folder, from its config.resolved.toml alone.
/// Errors  DataError if no run lies there; ConfigError if its files mean other work than it was
///         begun with (index.json).
LoadedExperiment load_run(const std::filesystem::path& folder, const Registry& registry);

/// A worker's part of a grid.
struct WorkerShare {
  std::size_t first_cell = 0, last_cell = SIZE_MAX;  // and what those cells read
  std::int64_t sharers = 1;  // processes that share the memory budget: each is held to its part
};

/// Does the share's work in `options.out`, which `open_run` prepared, beside other workers.  Writes
/// no report (`collect_run` does).
/// Errors  Stopped when the observer asks to stop; what failed, after everything else is done.
void work_on_grid(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                  Logger& logger, const RunOptions& options, const WorkerShare& share);

/// Writes metrics.jsonl (of a grid, from its work's) and the report from what is finished; the
/// report says so if that is not all.
void collect_run(const RunSchedule& schedule, const std::filesystem::path& out);

/// Throws what is recorded as failed among the needed work, if anything is; returns otherwise.
void throw_recorded_failures(const OpenedRun& run);

enum class CellState : std::uint8_t { done, running, failed, waiting };
std::string_view to_string(CellState state);

struct CellStatus {
  std::size_t cell = 0;  // index in the schedule
  std::string name;      // axes and seed
  CellState state = CellState::waiting;
  std::size_t work_done = 0, work_total = 0;
  std::string error;  // the first one of its work
};

/// One piece of work that somebody is at.
struct RunningWork {
  std::size_t work = 0;  // index in the schedule
  std::string name, host, unit;
  std::int64_t process = 0, done = 0, total = 0;
  std::vector<std::pair<std::string, double>> metrics;
};

struct GridStatus {
  std::vector<CellStatus> cells;
  std::vector<RunningWork> running;
  std::size_t work_done = 0, work_failed = 0, work_total = 0;
  [[nodiscard]] std::size_t count(CellState state) const;
};

/// How far a run is, from its folder; takes no lock and changes nothing.  A cell is `failed` if any
/// of its work is, `running` if somebody is at any of it.
class GridWatch {
 public:
  GridWatch(const RunSchedule& schedule, std::filesystem::path out);
  /// Reads again what was not done at the last call.
  GridStatus look();

 private:
  const RunSchedule& schedule_;
  std::filesystem::path out_;
  std::vector<std::string> names_;  // of the work
  std::vector<std::string> cell_names_;
  std::vector<bool> is_done_;
};

/// {"name", "counts", "running", "cells": [{"id", "axes", "seed", "state", "work_done",
/// "work_total", "error"}]} as text, two spaces a level.
std::string status_json(const GridStatus& status, const RunSchedule& schedule);

}  // namespace lldm
