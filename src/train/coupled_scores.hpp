// SPDX-License-Identifier: MIT
// The scores of a whole step, seen from a process that holds some of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/score_set.hpp"
#include "lldm/distributed/process_group.hpp"

namespace lldm {

/// For losses that couple the groups of a step: a process scores its own groups, learns the others'
/// scores, and back-propagates the whole loss through its own.
class CoupledScores {
 public:
  explicit CoupledScores(ProcessGroup& group) : group_(group) {}

  /// All, at the first call of a step: gathers the scores.  The groups of all ranks, by rank, with
  /// `own` as it is, autograd included; later calls put another `own` beside what was gathered.
  [[nodiscard]] ScoreSet whole(const ScoreSet& own);
  /// All: of a process without groups.
  void none();

 private:
  void gather(const ScoreSet* own);
  ProcessGroup& group_;
  std::vector<std::optional<ScoreSet>> sets_;  // by rank
};

}  // namespace lldm
