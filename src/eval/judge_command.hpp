// SPDX-License-Identifier: MIT
// A user's program that judges many answers at a call.  Internal to src.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/checker_call.hpp"
#include "lldm/concepts/task.hpp"

namespace lldm::eval {

/// `sh -c COMMAND`, started once for every `kJudgeBatch` answers, with one JSON object a line on
/// its standard input; it writes one line an answer, in their order, each what a checker command
/// replies (docs/concepts/task.md): {"correct": true}, with "grade", "extracted", "metrics" if it
/// likes.
class JudgeCommand {
 public:
  static constexpr std::size_t kJudgeBatch = 256;
  /// `timeout_seconds`: of one call.
  JudgeCommand(const std::string& command, double timeout_seconds);

  /// A verdict for each line; a reply that is no verdict makes it a failed one.
  /// Errors  Error: the program ended badly, or wrote another number of lines than it was given.
  [[nodiscard]] std::vector<Verdict> judge(const std::vector<nlohmann::ordered_json>& lines) const;

 private:
  std::vector<Verdict> judge_batch(const nlohmann::ordered_json* begin,
                                   const nlohmann::ordered_json* end) const;

  std::string text_;
  CheckerCommand command_;
  double timeout_seconds_;
};

}  // namespace lldm::eval
