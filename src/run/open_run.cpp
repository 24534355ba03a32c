// SPDX-License-Identifier: MIT
// The door of a run: what can refuse it, what it will find, and taking its folder.
#include <algorithm>

#include "experiment/folder_index.hpp"
#include "experiment/found_work.hpp"
#include "experiment/size_checks.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/run/grid_run.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/storage/files.hpp"
#include "run/check_tasks.hpp"
#include "run/check_texts.hpp"
#include "run/leftovers.hpp"
#include "run/run_folder.hpp"
#include "run/stored_work.hpp"
#include "run/work_loop.hpp"
#include "run/work_metrics.hpp"
#include "storage/sealed_folder.hpp"

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

/// --strict-resume reads every byte.
WeightCheck weight_check(const RunOptions& options) {
  return options.strict_resume ? WeightCheck::content : WeightCheck::sizes;
}

/// What `open_run` will find of one piece of work.
std::string state_of(const Work& work, const StoredWork& store, const FolderIndex& before,
                     bool is_fresh, WeightCheck weights) {
  if (!is_fresh && is_done(work)) {
    require_whole_work(work, weights);
    return "reused";
  }
  if (store.holds(work)) return "from the store";
  const bool is_begun = before.folders.contains(work.hash) &&
                        std::filesystem::is_directory(work.folder / "checkpoints");
  return is_begun ? "goes on" : "to do";
}

}  // namespace

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

std::vector<std::string> check_runnable(const LoadedExperiment& loaded, const Registry& registry,
                                        const std::string& stage) {
  std::vector<std::string> notes = check_fit(loaded, registry);
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
  return notes;
}

Outlook look_ahead(const LoadedExperiment& file, const RunOptions& options) {
  const LoadedExperiment loaded =
      options.is_fresh ? file : with_threads_of(file, options.out, null_logger());
  Outlook outlook{.out = options.out,
                  .schedule = make_schedule(loaded.cells, loaded.experiments, options.out)};
  const RunSchedule& schedule = outlook.schedule;
  const std::vector<bool> needed = wanted(schedule, options.stage);
  outlook.states.assign(schedule.work.size(), "not asked for");
  try {
    const FolderIndex before = options.is_fresh ? FolderIndex{} : read_index(options.out);
    outlook.counts.others = require_growth(schedule, before);
    // A store that is not there yet holds nothing, and is not made to be looked at.
    const bool has_store = std::filesystem::exists(options.store);
    const StoredWork store(schedule, options.out, has_store ? options.store : "", null_logger());
    for (std::size_t w = 0; w < schedule.work.size(); ++w) {
      if (!needed[w]) continue;
      const std::string state =
          state_of(schedule.work[w], store, before, options.is_fresh, weight_check(options));
      outlook.states[w] = state;
      outlook.counts.from_store += state == "from the store";
      ++(state == "reused" || state == "from the store" ? outlook.counts.reused
                                                        : outlook.counts.to_do);
    }
  } catch (const ConfigError& error) {
    outlook.refusal = error.what();
  } catch (const DataError& error) {
    outlook.refusal = error.what();
  }
  return outlook;
}

OpenedRun open_run(const LoadedExperiment& file, const Registry& registry, Logger& logger,
                   const RunOptions& options) {
  if (options.is_fresh && !options.resume.empty())
    throw ConfigError("--fresh and --resume contradict one another\n  give one of them");
  const LoadedExperiment loaded =
      options.is_fresh ? file : with_threads_of(file, options.out, logger);
  RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  std::vector<bool> needed = wanted(schedule, options.stage);  // names a misspelt stage
  std::vector<std::string> notes = check_runnable(loaded, registry, options.stage);
  check_tasks(schedule, needed, registry);
  check_texts(schedule, needed, registry);
  notes.insert(notes.begin(), loaded.notes.begin(), loaded.notes.end());
  std::error_code absent;
  // What is noted of the folder's own config was told when the run was begun.
  if (!std::filesystem::equivalent(loaded.document.files.back(),
                                   options.out / "config.resolved.toml", absent))
    for (const std::string& note : notes) logger.warning(note);
  check_resume(schedule, options.resume);
  if (!options.store.empty()) static_cast<void>(WorkStore(options.store));
  static_cast<void>(select_device(loaded.experiments.front().options.device));
  try {
    make_folders(options.out);
  } catch (const FileError& error) {
    throw ConfigError(message("--out ", options.out.string(), " cannot be used: ", error.what()));
  }
  OpenedRun run{std::move(schedule), std::move(needed), RunLock(options.out)};
  if (options.is_fresh) remove_run(options.out, loaded, run.schedule);
  // Again, under the lock: another process may have moved on meanwhile.
  run.schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  clean_leftovers(options.out, run.schedule);
  const std::size_t others = claim_folder(options.out, loaded.resolved, run.schedule, logger);
  if (run.schedule.cells.size() > 1) share_metrics(options.out);
  check_found_work(run.schedule, options.out, weight_check(options), logger);
  unseal_file(options.out / kMetricsName);  // it grows
  note_unbound_models(run.schedule, run.needed, logger);
  if (options.retries_failed) forget_failures(run.schedule, run.needed);
  if (options.observer) options.observer->opened(take_stock(run, options, others, logger));
  return run;
}

}  // namespace lldm
