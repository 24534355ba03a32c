// SPDX-License-Identifier: MIT
// The work of a schedule and the store (`--store`): which entry is its own, taken and published.
#pragma once

#include <optional>

#include "lldm/experiment/schedule.hpp"
#include "lldm/track/logger.hpp"
#include "run/store.hpp"

namespace lldm {

/// Nothing happens without a store (an empty path).
///
/// The key of work is the hash of its own hash, of what made it (lldm, LibTorch and compiler;
/// device; processor; threads) and of the keys of what it reads: work that another build made, or
/// that was begun by one and ended by another, is never taken for that of this one.
class StoredWork {
 public:
  StoredWork(const RunSchedule& schedule, std::filesystem::path out,
             const std::filesystem::path& store, Logger& logger);

  /// Whether `take` finds the work.
  [[nodiscard]] bool holds(const Work& work) const;
  /// Brings the finished work from the store; false if it is not there, or (told) damaged.
  bool take(const Work& work) const;
  /// Keeps what was finished before and is not in the store yet.
  void keep(const Work& work) const;
  /// Keeps finished work, in place of a damaged entry too.  What cannot be kept is told: the run
  /// has it all the same.
  void publish(const Work& work) const;

 private:
  /// Nothing if more than one build or machine made it.
  [[nodiscard]] std::optional<std::string> key_of(const Work& work) const;

  const RunSchedule& schedule_;
  std::filesystem::path out_;
  std::optional<WorkStore> store_;
  Logger& logger_;
};

/// Writes work.json at the beginning of work: what it is, and what makes it.
void write_work_record(const RunSchedule& schedule, const Work& work);

}  // namespace lldm
