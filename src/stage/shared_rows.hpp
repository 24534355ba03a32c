// SPDX-License-Identifier: MIT
// A stage without training that several processes do together: each does some of its rows, rank 0
// writes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "lldm/distributed/process_group.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// All: does `count` rows that know nothing of one another, in rounds of at most `most` rows a
/// process.  `work` does some of them and says what came of it; `take` hears that part by part, in
/// the order of the rows, on every process.  `group` may be null: this process alone, in the same
/// rounds.
///
/// Errors  what `work` throws on any process, on all; LostRank.
void share_rows(ProcessGroup* group, std::size_t count, std::size_t most,
                const std::function<std::string(std::size_t begin, std::size_t end)>& work,
                const std::function<void(const std::string& done)>& take);

/// Whether this process does its part alone and leaves the rest to rank 0.
[[nodiscard]] inline bool is_follower(const RunContext& run) {
  return run.options.group && !run.options.group->is_first();
}

/// Inside `work`: a stop that is asked for here ends the stage on all.
/// Errors  Stopped.
void stop_if_asked(const RunContext& run, const Work& work);

}  // namespace lldm
