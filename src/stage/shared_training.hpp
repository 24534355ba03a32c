// SPDX-License-Identifier: MIT
// A training stage that several processes do together: rank 0 reads and writes, the others follow.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "lldm/distributed/process_group.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/prepared_training.hpp"

namespace lldm {

using StageTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

/// All: what each makes for itself; where it throws on one, it throws on all.  `group` may be null.
template <class Make>
auto together(ProcessGroup* group, const Make& make) {
  if (!group) return make();
  std::optional<decltype(make())> made;
  static_cast<void>(group->agree([&] {
    made.emplace(make());
    return std::string();
  }));
  return std::move(*made);
}

/// All: the same, where what rank 0 makes leaves something in the folder that the others read.
template <class Make>
auto first_then_others(ProcessGroup* group, const Make& make) {
  if (!group) return make();
  std::optional<decltype(make())> made;
  for (const bool is_turn_of_first : {true, false})
    static_cast<void>(group->agree([&] {
      if (group->is_first() == is_turn_of_first) made.emplace(make());
      return std::string();
    }));
  return std::move(*made);
}

/// ", 2 processes", or nothing.
[[nodiscard]] std::string shared_by(const ProcessGroup* group);

/// Says where the fixed order of the sums leaves processes without work, and what changes that.
void tell_idle(const RunContext& run, const Work& work, const TrainingSetup& setup);

/// All: begins where rank 0 stands, with its weights and moments.
TrainingProgress begin_together(ProcessGroup& group, const TrainingProgress& progress,
                                const TrainingSetup& setup, Optimizer& optimizer);

/// The most that a process has held, in all and by purpose.
struct MemoryPeaks {
  std::int64_t total = 0;
  std::array<std::int64_t, kMemoryPurposes> purposes{};
};
[[nodiscard]] MemoryPeaks peaks_of(const MemoryManager::Watch& watch, MemoryDevice device);
[[nodiscard]] MemoryPeaks most_of(const MemoryPeaks& one, const MemoryPeaks& other);
/// All: of each the most of any process.
[[nodiscard]] MemoryPeaks most_of_all(ProcessGroup& group, const MemoryPeaks& own);

/// Trains as rank 0 does, and writes nothing.
void follow(const RunContext& run, StageTrainer& trainer, const PreparedTraining& prepared);

}  // namespace lldm
