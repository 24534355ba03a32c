// SPDX-License-Identifier: MIT
#include "lldm/experiment/run.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "experiment/run_context.hpp"
#include "experiment/run_folder.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/report.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/track/files.hpp"
#include "lldm/track/published_folder.hpp"
#include "lldm/track/run_lock.hpp"

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

Result run_work(const RunContext& run, const Work& work) {
  switch (run.schedule.stage_of(work).kind) {
    case StageKind::pretraining:
    case StageKind::sft:
    case StageKind::preference:
      return run_training(run, work);
    case StageKind::synthesize:
      return run_synthesis(run, work);
    case StageKind::evaluate:
      return run_evaluation(run, work);
    case StageKind::sample:
      return run_sampling(run, work);
  }
  throw Error("run_work: unknown kind");
}

void complete(const RunContext& run, const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  make_folders(work.folder);
  clean_partials(work.folder);
  if (std::filesystem::exists(work.folder / "checkpoints"))
    clean_partials(work.folder / "checkpoints");
  Result details = run_work(run, work);
  Result result = {
      {"hash", work.hash},
      {"stage", work.stage},
      {"kind", to_string(run.schedule.stage_of(work).kind)},
      {"seed", work.seed},
      {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()}};
  if (!work.model.empty()) result["model"] = work.model;
  for (auto& [key, value] : details.items()) result[key] = value;
  write_file_atomically(work.folder / kResultName, result.dump(2) + "\n");
}

struct Failure {
  std::string text;
  int code;  // the exit code it would have had alone
};

/// Throws `text` as what all failures were, if they were one thing: schedulers read exit codes.
[[noreturn]] void throw_as(const std::vector<Failure>& failures, const std::string& text) {
  const int code = failures.front().code;
  const bool is_one = std::all_of(failures.begin(), failures.end(),
                                  [&](const Failure& failure) { return failure.code == code; });
  if (is_one && code == 2) throw DataError(text);
  if (is_one && code == 3) throw OutOfMemory(text);
  throw Error(text);
}

/// Does what is not done yet.  One that fails ends a plain run; of a grid it is recorded
/// (failed.json), what reads it is left out, and the other cells go on.
std::vector<Failure> complete_all(const RunContext& run, const std::vector<bool>& needed) {
  const RunSchedule& schedule = run.schedule;
  std::vector<Failure> failures;
  std::vector<bool> is_missing(schedule.work.size(), false);
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    for (const auto& [name, input] : work.inputs)
      if (is_missing[input]) is_missing[w] = true;
    if (is_missing[w]) continue;
    if (run.options.observer->should_stop()) throw Stopped("stopped on request between two stages");
    lldm::remove_all(work.folder / kFailureName);
    try {
      complete(run, work);
    } catch (const Stopped&) {
      throw;
    } catch (const std::exception& error) {  // LibTorch's too
      if (schedule.cells.size() == 1) throw;
      is_missing[w] = true;
      failures.push_back({run.label(work) + ": " + error.what(), exit_code(error)});
      run.logger.warning(failures.back().text);
      write_file_atomically(work.folder / kFailureName,
                            Result{{"error", error.what()}, {"hash", work.hash}}.dump(2) + "\n");
    }
  }
  return failures;
}

std::string chosen_device(const std::string& wish, Logger& logger) {
  const DeviceChoice choice = select_device(wish);
  if (wish == "auto") logger.info(message("device ", choice.device, ": ", choice.reason));
  return choice.device;
}

}  // namespace

LoadedExperiment load_experiment(const std::filesystem::path& file,
                                 const std::vector<std::string>& overrides,
                                 const Registry& registry) {
  config::Diagnostics diagnostics;
  LoadedExperiment loaded;
  const std::vector<std::string> keys = experiment_keys();
  loaded.document =
      config::load(file, {.overrides = overrides, .top_level_keys = keys}, diagnostics);
  loaded.cells = expand_grid(loaded.document.root, keys, diagnostics);
  for (const Cell& cell : loaded.cells)
    loaded.experiments.push_back(bind_experiment(cell.root, registry, diagnostics));
  diagnostics.throw_if_any();
  // The whole file, grid included, from the file's own values (not a cell's).
  config::Value base = loaded.document.root;
  config::Diagnostics ignored;  // the same mistakes were reported above
  const Experiment whole = bind_experiment(base, registry, ignored);
  loaded.resolved = resolved_document(whole, base);
  return loaded;
}

void run_experiment(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                    Logger& logger, const RunOptions& options) {
  const std::vector<std::string> missing = not_runnable_yet(loaded);
  if (!missing.empty()) {
    std::string text = "this file cannot be run yet";
    for (const std::string& line : missing) text += "\n  " + line;
    throw ConfigError(text);
  }
  if (options.is_fresh && !options.resume.empty())
    throw ConfigError("--fresh and --resume contradict one another\n  give one of them");
  check_fit(loaded, registry);
  if (const std::vector<std::string> files = missing_files(loaded); !files.empty()) {
    std::string text;
    for (const std::string& file : files) text += (text.empty() ? "" : "\n") + file;
    throw ConfigError(text);
  }
  // Everything that can refuse comes before the folder is touched.
  for (const std::string& note : unread_schedules(loaded, registry)) logger.warning(note);
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, options.out);
  const std::vector<bool> needed = wanted(schedule, options.stage);
  check_resume(schedule, options.resume);
  const ExperimentOptions& file = loaded.experiments.front().options;
  const std::string device = chosen_device(file.device, logger);
  make_folders(options.out);
  const RunLock lock(options.out);
  if (options.is_fresh) remove_run(options.out, loaded);
  claim_folder(options.out, loaded.resolved, logger);
  if (file.threads > 0) at::set_num_threads(static_cast<int>(file.threads));
  if (!memory.is_installed()) memory.install();
  memory.set_budget(device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu, file.memory.budget);
  MetricsWriter metrics(options.out / "metrics.jsonl");
  if (metrics.removed_torn_line())
    logger.warning("metrics.jsonl: a half-written last line was removed");
  const RunContext run{schedule, registry, memory, logger, options, metrics, device};
  const std::vector<Failure> failures = complete_all(run, needed);
  metrics.sync();
  write_report(schedule, options.out,
               std::all_of(schedule.work.begin(), schedule.work.end(), is_done));
  if (failures.empty()) return;
  std::string text = message(failures.size(), " of ", schedule.work.size(),
                             " pieces of work failed; the same command tries them again");
  for (const Failure& failure : failures) text += "\n  " + failure.text;
  throw_as(failures, text);
}

}  // namespace lldm
