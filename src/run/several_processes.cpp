// SPDX-License-Identifier: MIT
#include "run/several_processes.hpp"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "experiment/work_names.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/stage/evaluate_options.hpp"
#include "lldm/stage/sample_options.hpp"
#include "lldm/stage/study_options.hpp"
#include "lldm/stage/synthesize_options.hpp"
#include "lldm/stage/training_options.hpp"

namespace lldm {
namespace {

/// Says nothing, and passes on that the process is to stop.
class QuietObserver final : public RunObserver {
 public:
  explicit QuietObserver(RunObserver& inner) : inner_(inner) {}
  bool should_stop() override { return inner_.should_stop(); }

 private:
  RunObserver& inner_;
};

/// Metrics that nobody reads: a process that follows has no folder of its own.
class UnreadMetrics {
 public:
  UnreadMetrics()
      : path_(std::filesystem::temp_directory_path() / message("lldm-follower-", ::getpid())),
        writer_(path_) {}
  ~UnreadMetrics() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  UnreadMetrics(const UnreadMetrics&) = delete;
  UnreadMetrics& operator=(const UnreadMetrics&) = delete;
  [[nodiscard]] MetricsWriter& writer() { return writer_; }

 private:
  std::filesystem::path path_;
  MetricsWriter writer_;
};

std::string digest_of(const RunSchedule& schedule) {
  return message(schedule.experiments.front().options.threads, " ", schedule_digest(schedule));
}

/// All: every process has the schedule of rank 0.
void require_same(ProcessGroup& group, const RunSchedule& schedule, const std::string& first) {
  static_cast<void>(group.agree([&] {
    if (digest_of(schedule) != first)
      throw ConfigError(
          "this process's experiment file, or an input file, gives other work than that of rank "
          "0\n  give all processes the same files, options and build");
    return std::string();
  }));
}

/// On a CPU the processes of a machine divide its budget (budget_sharers); of a GPU it is known
/// later who shares it.
LoadedExperiment with_sharers(LoadedExperiment loaded, const ProcessGroup& group) {
  for (Experiment& experiment : loaded.experiments) {
    const std::string& wish = experiment.options.device;
    if (device_kind(wish == "auto" ? select_device(wish).device : wish) != "cuda")
      experiment.budget_sharers = group.most_local_size();
  }
  return loaded;
}

const Work& work_of(const RunSchedule& schedule, const std::string& hash) {
  for (const Work& work : schedule.work)
    if (work.hash == hash) return work;
  throw Error(message("no piece of work has the hash ", hash));
}

/// A plugin's kind of stage knows of no processes, and pairs that no model makes are made at once.
bool is_shared(const Stage& stage) {
  if (const auto* synthesis = stage.as<SynthesizeStage>())
    return synthesis->method == SynthesisMethod::sample;
  return stage.as<TrainingStage>() || stage.as<EvaluateStage>() || stage.as<SampleStage>() ||
         stage.as<StudyStage>();
}

}  // namespace

void set_threads(const RunSchedule& schedule, const ProcessGroup* group, bool is_shared) {
  std::int64_t threads = schedule.experiments.front().options.threads;
  if (threads == 0) return;
  bool is_ordered = false;
  for (const Experiment& experiment : schedule.experiments)
    for (const Stage& stage : experiment.stages)
      if (const auto* training = stage.as<TrainingStage>())
        is_ordered = is_ordered || training->reduction == Reduction::ordered;
  if (group && is_shared && !is_ordered) {
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    threads = std::max<std::int64_t>(1, std::min(threads, cores / group->local_size()));
  }
  at::set_num_threads(static_cast<int>(threads));
}

OpenedRun open_together(const LoadedExperiment& loaded, const Registry& registry, Logger& logger,
                        const RunOptions& options) {
  if (!options.group) return open_run(loaded, registry, logger, options);
  const LoadedExperiment shared = with_sharers(loaded, *options.group);
  std::optional<OpenedRun> run;
  const std::vector<std::string> digests = options.group->agree([&] {
    run.emplace(open_run(shared, registry, logger, options));
    return digest_of(run->schedule);
  });
  require_same(*options.group, run->schedule, digests.front());
  return std::move(*run);
}

RunSchedule schedule_together(const LoadedExperiment& loaded, const RunOptions& options) {
  ProcessGroup& group = *options.group;
  const std::string first = group.agree([] { return std::string(); }).front();
  LoadedExperiment same = with_sharers(loaded, group);
  // Of rank 0's machine, or of the folder, where the file does not say it.
  for (Experiment& experiment : same.experiments) experiment.options.threads = std::stoll(first);
  RunSchedule schedule = make_schedule(same.cells, same.experiments, options.out);
  require_same(group, schedule, first);
  return schedule;
}

void announce(ProcessGroup* group, const PlannedRun& run, const Work& work, Logger& logger) {
  if (!group) return;
  group->require_all();
  const bool is_together = is_shared(run.schedule.stage_of(work));
  set_threads(run.schedule, group, is_together);
  if (!is_together) {
    logger.info(message("stage ", work.stage, ": done by rank 0 alone, ", group->size() - 1,
                        group->size() == 2 ? " other process waits" : " other processes wait"));
    return;
  }
  group->begin_work();
  static_cast<void>(group->agree([&] { return work.hash; }));
}

void announce_end(ProcessGroup* group) {
  if (!group) return;
  group->begin_work();
  static_cast<void>(group->agree([] { return std::string(); }));
}

void follow_run(const Workshop& shop) {
  ProcessGroup& group = *shop.options.group;
  UnreadMetrics unread;
  QuietObserver quiet(*shop.options.observer);
  RunOptions options = shop.options;
  options.observer = &quiet;
  const RunContext run{{shop.schedule, shop.registry},
                       shop.memory,
                       shop.logger,
                       options,
                       unread.writer(),
                       shop.device};
  const bool is_grid = shop.schedule.cells.size() > 1;
  for (;;) {
    group.begin_work();
    try {
      const std::string hash = group.agree([] { return std::string(); }).front();
      if (hash.empty()) return;
      const Work& work = work_of(shop.schedule, hash);
      const Stage& stage = shop.schedule.stage_of(work);
      static_cast<void>(stage.kind.run(stage.options.get(), run, work));
    } catch (const LostRank&) {
      throw;
    } catch (const Stopped&) {
      throw;
    } catch (const std::exception&) {
      group.tell_failure();
      if (!is_grid) throw;  // of a grid rank 0 records it, and goes on
    }
  }
}

}  // namespace lldm
