// SPDX-License-Identifier: MIT
#include "lldm/run/run.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "experiment/folder_index.hpp"
#include "experiment/found_work.hpp"
#include "experiment/size_checks.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/report/report.hpp"
#include "lldm/run/grid_run.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/storage/files.hpp"
#include "run/check_tasks.hpp"
#include "run/deadline.hpp"
#include "run/run_folder.hpp"
#include "run/stored_work.hpp"
#include "run/work_loop.hpp"
#include "run/work_metrics.hpp"

namespace lldm {
namespace {

/// The work that `--stage NAME` asks for: that stage's and everything it reads.
std::vector<bool> wanted(const RunSchedule& schedule, const std::string& stage) {
  std::vector<bool> wanted(schedule.work.size(), stage == "all");
  bool is_known = stage == "all";
  for (std::size_t w = schedule.work.size(); w-- > 0;) {
    if (schedule.work[w].stage == stage) wanted[w] = is_known = true;
    if (wanted[w])
      for (const auto& [name, input] : schedule.work[w].inputs) wanted[input] = true;
  }
  if (!is_known) {
    std::vector<std::string> names;
    for (const Stage& known : schedule.experiments.front().stages) names.push_back(known.name);
    throw ConfigError(message("--stage: no stage is named \"", stage, "\"\n  ",
                              config::did_you_mean(stage, names, "stages")));
  }
  return wanted;
}

/// `--resume PATH` must be a checkpoint of a stage that is still to be finished.
void check_resume(const RunSchedule& schedule, const std::filesystem::path& checkpoint) {
  if (checkpoint.empty()) return;
  if (!std::filesystem::is_directory(checkpoint))
    throw ConfigError(message("--resume ", checkpoint.string(), ": no such folder\n  ",
                              "give a checkpoint: DIR/STAGE/checkpoints/step-NNNNNNNN"));
  for (const Work& work : schedule.work) {
    if (!is_checkpoint_of(checkpoint, work.folder)) continue;
    if (is_done(work))
      throw ConfigError(message("--resume ", checkpoint.string(), ": stage \"", work.stage,
                                "\" is finished\n  remove ", work.folder.string(),
                                "/result.json to go on from this checkpoint again"));
    return;
  }
  throw ConfigError(message("--resume ", checkpoint.string(),
                            ": this is no checkpoint of a stage of this run\n  stages of ",
                            schedule.work.front().folder.parent_path().string()));
}

std::string chosen_device(const std::string& wish, Logger& logger) {
  const DeviceChoice choice = select_device(wish);
  if (wish == "auto") logger.info(message("device ", choice.device, ": ", choice.reason));
  return choice.device;
}

/// Everything that can refuse before a schedule is made.
void check_runnable(const LoadedExperiment& loaded, const Registry& registry,
                    const std::string& stage) {
  const std::vector<std::string> missing = not_runnable_yet(loaded);
  if (!missing.empty()) {
    std::string text = "this file cannot be run yet";
    for (const std::string& line : missing) text += "\n  " + line;
    throw ConfigError(text);
  }
  check_fit(loaded, registry);
  config::Diagnostics diagnostics;
  for (std::size_t c = 0; c < loaded.cells.size(); ++c)
    check_sizes(loaded.experiments[c], loaded.cells[c].root, registry, SizeLimit::this_machine,
                diagnostics);
  diagnostics.throw_if_any();
  if (const std::vector<std::string> files = missing_files(loaded, registry, stage);
      !files.empty()) {
    std::string text;
    for (const std::string& file : files) text += (text.empty() ? "" : "\n") + file;
    throw ConfigError(text);
  }
}

/// Threads, memory budget and device of this process, one of `sharers`.
Workshop open_workshop(const RunSchedule& schedule, const Registry& registry, MemoryManager& memory,
                       Logger& logger, const RunOptions& options, std::int64_t sharers) {
  const ExperimentOptions& file = schedule.experiments.front().options;
  const std::string device = chosen_device(file.device, logger);
  if (file.threads > 0) at::set_num_threads(static_cast<int>(file.threads));
  if (!memory.is_installed()) memory.install();
  ByteSize budget = file.memory.budget;
  budget.bytes /= sharers;
  memory.set_budget(device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu, budget);
  return {schedule, registry, memory, logger, options, device, sharers > 1};
}

/// A file that names no threads goes on with those that the folder was begun with: bits depend on
/// them.
LoadedExperiment with_threads_of(LoadedExperiment loaded, const std::filesystem::path& out,
                                 Logger& logger) {
  const std::int64_t begun_with = read_index(out).threads;
  const std::int64_t now = loaded.experiments.front().options.threads;
  if (loaded.document.root.find("threads") || begun_with == 0 || begun_with == now) return loaded;
  logger.info(message("threads ", begun_with, ", as ", out.string(), " was begun (here: ", now,
                      "); `threads` in the file decides"));
  for (Experiment& experiment : loaded.experiments) experiment.options.threads = begun_with;
  loaded.resolved.set("threads", config::Value::integer(begun_with));
  return loaded;
}

/// What is finished, after the store has given what it has.
ReusedWork take_stock(const OpenedRun& run, const RunOptions& options, std::size_t others,
                      Logger& logger) {
  const StoredWork store(run.schedule, options.out, options.store, logger);
  ReusedWork work{.others = others};
  for (std::size_t w = 0; w < run.schedule.work.size(); ++w) {
    if (!run.needed[w]) continue;
    const bool is_taken = store.take(run.schedule.work[w]);
    work.from_store += is_taken;
    const bool is_there = is_taken || is_done(run.schedule.work[w]);
    if (is_there && !is_taken) store.keep(run.schedule.work[w]);
    ++(is_there ? work.reused : work.to_do);
  }
  return work;
}

}  // namespace

OpenedRun open_run(const LoadedExperiment& file, const Registry& registry, Logger& logger,
                   const RunOptions& options) {
  if (options.is_fresh && !options.resume.empty())
    throw ConfigError("--fresh and --resume contradict one another\n  give one of them");
  const LoadedExperiment loaded =
      options.is_fresh ? file : with_threads_of(file, options.out, logger);
  RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  std::vector<bool> needed = wanted(schedule, options.stage);  // names a misspelt stage
  check_runnable(loaded, registry, options.stage);
  for (const std::string& note : loaded.notes) logger.warning(note);
  check_tasks(schedule, needed, registry);
  for (const std::string& note : unread_schedules(loaded, registry)) logger.warning(note);
  check_resume(schedule, options.resume);
  if (!options.store.empty()) static_cast<void>(WorkStore(options.store));
  static_cast<void>(select_device(loaded.experiments.front().options.device));
  make_folders(options.out);
  OpenedRun run{std::move(schedule), std::move(needed), RunLock(options.out)};
  if (options.is_fresh) remove_run(options.out, loaded, run.schedule);
  // Again, under the lock: another process may have moved on meanwhile.
  run.schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  const std::size_t others = claim_folder(options.out, loaded.resolved, run.schedule, logger);
  if (run.schedule.cells.size() > 1) share_metrics(options.out);
  check_found_work(run.schedule, options.out, logger);
  note_unbound_models(run.schedule, run.needed, logger);
  if (options.retries_failed) forget_failures(run.schedule, run.needed);
  if (options.observer) options.observer->opened(take_stock(run, options, others, logger));
  return run;
}

void run_experiment(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                    Logger& logger, const RunOptions& options) {
  const OpenedRun run = open_run(loaded, registry, logger, options);
  DeadlineObserver deadline(*options.observer, run.schedule.experiments.front().options.max_hours,
                            logger);
  RunOptions limited = options;
  limited.observer = &deadline;
  const Workshop shop = open_workshop(run.schedule, registry, memory, logger, limited, 1);
  std::vector<WorkFailure> failures;
  if (run.schedule.cells.size() == 1)
    do_alone(shop, run.needed);
  else
    failures = share_work(shop, run.needed);
  collect_run(run.schedule, options.out);
  throw_if_any(failures, run.schedule.work.size());
}

void work_on_grid(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                  Logger& logger, const RunOptions& options, const WorkerShare& share) {
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  std::vector<bool> needed(schedule.work.size(), false);
  for (std::size_t w = schedule.work.size(); w-- > 0;) {
    const Work& work = schedule.work[w];
    const bool is_mine = std::any_of(work.cells.begin(), work.cells.end(), [&](std::size_t cell) {
      return cell >= share.first_cell && cell <= share.last_cell;
    });
    needed[w] = is_mine && (options.stage == "all" || needed[w] || work.stage == options.stage);
    if (needed[w])
      for (const auto& [name, input] : work.inputs) needed[input] = true;
  }
  DeadlineObserver deadline(*options.observer, schedule.experiments.front().options.max_hours,
                            logger);
  RunOptions limited = options;
  limited.observer = &deadline;
  const Workshop shop = open_workshop(schedule, registry, memory, logger, limited, share.sharers);
  throw_if_any(share_work(shop, needed), schedule.work.size());
}

void throw_recorded_failures(const OpenedRun& run) {
  throw_if_any(recorded_failures(run.schedule, run.needed), run.schedule.work.size());
}

}  // namespace lldm
