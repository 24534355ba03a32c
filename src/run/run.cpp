// SPDX-License-Identifier: MIT
#include "lldm/run/run.hpp"

#include "lldm/distributed/process_group.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/run/grid_run.hpp"
#include "memory/bitsandbytes.hpp"
#include "run/deadline.hpp"
#include "run/several_processes.hpp"
#include "run/work_loop.hpp"
#include "stage/budget_share.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

std::string chosen_device(const std::string& wish, Logger& logger) {
  const DeviceChoice choice = select_device(wish);
  if (wish == "auto") logger.info(message("device ", choice.device, ": ", choice.reason));
  if (choice.device == "cuda") logger.info(message("bitsandbytes: ", memory::bitsandbytes_text()));
  return choice.device;
}

/// All: the device of this process, of the kind that all others compute on.
std::string agreed_device(const std::string& wish, ProcessGroup* group, Logger& logger) {
  if (!group) return chosen_device(wish, logger);
  const std::vector<std::string> devices =
      group->agree([&] { return chosen_device(wish, logger); });
  for (int rank = 1; rank < group->size(); ++rank)
    if (const std::string& other = devices[static_cast<std::size_t>(rank)]; other != devices[0])
      throw ConfigError(message("device = \"", wish, "\" is ", devices[0], " for ",
                                group->name_of(0), " and ", other, " for ", group->name_of(rank),
                                "\n  all processes of a run compute on the same kind: name it"));
  return devices[static_cast<std::size_t>(group->rank())];
}

/// Threads, memory budget and device of this process, one of `sharers`.
Workshop open_workshop(const RunSchedule& schedule, const Registry& registry, MemoryManager& memory,
                       Logger& logger, const RunOptions& options, std::int64_t sharers) {
  const ExperimentOptions& file = schedule.experiments.front().options;
  ProcessGroup* const group = options.group.get();
  const std::string device = agreed_device(file.device, group, logger);
  set_threads(schedule, group, /*is_shared=*/group != nullptr);
  sharers *= budget_sharers(group, device);
  if (!memory.is_installed()) memory.install();
  ByteSize budget = file.memory.budget;
  budget.bytes /= sharers;
  const MemoryDevice counted = device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu;
  memory.set_budget(counted, budget, profile_of(file, device).memory.context);
  for (const auto& [purpose, soft] : budgets_of(file.memory.budgets))
    memory.set_budget(counted, purpose, {soft.bytes / sharers});
  return {schedule, registry, memory, logger, options, device, sharers > 1 && !group};
}

/// What a process of another rank than 0 does of a run.
void follow_experiment(const LoadedExperiment& loaded, const Registry& registry,
                       MemoryManager& memory, Logger& logger, const RunOptions& options) {
  const RunSchedule schedule = schedule_together(loaded, options);
  DeadlineObserver deadline(*options.observer, schedule.experiments.front().options.max_hours,
                            logger);
  RunOptions limited = options;
  limited.observer = &deadline;
  follow_run(open_workshop(schedule, registry, memory, logger, limited, 1));
}

}  // namespace

void run_experiment(const LoadedExperiment& loaded, const Registry& registry, MemoryManager& memory,
                    Logger& logger, const RunOptions& options) {
  if (options.group && !options.group->is_first())
    return follow_experiment(loaded, registry, memory, logger, options);
  const OpenedRun run = open_together(loaded, registry, logger, options);
  DeadlineObserver deadline(*options.observer, run.schedule.experiments.front().options.max_hours,
                            logger);
  WatchfulObserver watchful(deadline, options.group.get());
  RunOptions limited = options;
  limited.observer = &watchful;
  const Workshop shop = open_workshop(run.schedule, registry, memory, logger, limited, 1);
  std::vector<WorkFailure> failures;
  try {
    if (run.schedule.cells.size() == 1)
      do_alone(shop, run.needed);
    else
      failures = share_work(shop, run.needed);
    announce_end(options.group.get());
  } catch (...) {
    if (options.group) options.group->tell_failure();
    throw;
  }
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
