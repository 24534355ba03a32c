// SPDX-License-Identifier: MIT
// A run that several processes do together: rank 0 opens the folder, chooses what is done next and
// writes; the others hear of every piece of work that is shared, and do it with it.
#pragma once

#include "lldm/distributed/process_group.hpp"
#include "lldm/run/grid_run.hpp"
#include "lldm/run/load_experiment.hpp"
#include "run/passing_observer.hpp"
#include "run/work_loop.hpp"

namespace lldm {

/// All: rank 0 opens the run; the others make the schedule that it has, of their own files.
/// Errors  as open_run, on all; ConfigError if a process's file or input files give other work.
[[nodiscard]] OpenedRun open_together(const LoadedExperiment& loaded, const Registry& registry,
                                      Logger& logger, const RunOptions& options);
[[nodiscard]] RunSchedule schedule_together(const LoadedExperiment& loaded,
                                            const RunOptions& options);

/// Passes everything on; where it is asked whether to stop and a process is gone, it throws
/// LostRank.
class WatchfulObserver final : public PassingObserver {
 public:
  /// `group` may be null.
  WatchfulObserver(RunObserver& inner, const ProcessGroup* group)
      : PassingObserver(inner), group_(group) {}

  bool should_stop() override {
    if (group_) group_->require_all();
    return PassingObserver::should_stop();
  }

 private:
  const ProcessGroup* group_;
};

/// CPU threads of this process from here on: as the file says, and of a stage that is shared no
/// more than its part of the machine's cores, unless bits must not depend on that.
void set_threads(const RunSchedule& schedule, const ProcessGroup* group, bool is_shared);

/// Rank 0, before a piece of work: the others do it too where it is shared, else it is said that
/// they wait.  `group` may be null.
void announce(ProcessGroup* group, const PlannedRun& run, const Work& work, Logger& logger);
/// Rank 0: nothing more is done.
void announce_end(ProcessGroup* group);

/// The other ranks: does what is announced until the end.
/// Errors  what ended the run on rank 0; LostRank.
void follow_run(const Workshop& shop);

}  // namespace lldm
