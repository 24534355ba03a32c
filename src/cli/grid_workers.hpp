// SPDX-License-Identifier: MIT
// The worker processes of `lldm grid run --jobs N`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/run/grid_run.hpp"

namespace lldm::cli {

struct WorkerSettings {
  std::filesystem::path out;
  std::int64_t jobs = 1;
  std::filesystem::path store = {};  // of --store
  bool strict_resume = false;
};

/// Starts `jobs` processes `lldm grid work`, shows their progress, and returns when all have ended.
/// Their output goes to OUT/workers/worker-K.log.
///
/// A worker that is killed is told, and replaced.  What it was at is recorded as failed, with the
/// signal, if it crashed (a plugin's segmentation fault), was killed for memory, or is the second
/// to be killed at the same work; else the others take it over.  SIGINT, SIGTERM, SIGUSR1 and
/// SIGHUP are passed on as SIGTERM; workers end by themselves if this process is killed.
///
/// Errors  Stopped after a signal, everything saved; Error if work is left that no worker could do.
void run_workers(const OpenedRun& run, const WorkerSettings& settings, RunObserver& observer);

}  // namespace lldm::cli
