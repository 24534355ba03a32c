// SPDX-License-Identifier: MIT
// Doing the work of a schedule, alone or beside other processes.
#pragma once

#include <string>
#include <vector>

#include "lldm/stage/run_context.hpp"

namespace lldm {

/// A piece of work that could not be done.
struct WorkFailure {
  std::string text;
  int code;  // the exit code it would have had alone
};

/// What every piece is done with.
struct Workshop {
  const RunSchedule& schedule;
  const Registry& registry;
  MemoryManager& memory;
  Logger& logger;
  const RunOptions& options;
  std::string device;
  bool has_siblings = false;  // workers of one parent, which records the work that kills one
};

/// Does what is not done yet, in order, with one metrics.jsonl; the first error ends it.
void do_alone(const Workshop& shop, const std::vector<bool>& needed);

/// Does what is not done yet and nobody else does, until all of it is done or has failed.  A piece
/// is claimed before it begins (work_claim.hpp), has a metrics.jsonl of its own, and one that fails
/// is recorded in failed.json: what reads it is left out, the others go on.  Waits for pieces that
/// other processes hold; takes over those of processes that were killed.
std::vector<WorkFailure> share_work(const Workshop& shop, const std::vector<bool>& needed);

/// Throws what all failures were, if they were one thing, since schedulers read exit codes; returns
/// if there is none.
void throw_if_any(const std::vector<WorkFailure>& failures, std::size_t of);

/// What is recorded as failed.
std::vector<WorkFailure> recorded_failures(const RunSchedule& schedule,
                                           const std::vector<bool>& needed);
/// Forgets what is recorded as failed, so that it is tried again.
void forget_failures(const RunSchedule& schedule, const std::vector<bool>& needed);

}  // namespace lldm
