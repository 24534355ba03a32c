// SPDX-License-Identifier: MIT
// Sampling answers to a task's prompts: shared by synthesize, evaluate and sample stages.
#pragma once

#include <string>
#include <vector>

#include "experiment/prompts.hpp"
#include "lldm/concepts/any_sampler.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/data/template.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// One sampled answer, in the order prompt by prompt, answer by answer.
struct Generated {
  std::size_t prompt = 0;  // index
  std::string text;
  std::int64_t forwards = 0;
  std::vector<std::int64_t> tokens;       // the canvas behind `text`
  std::vector<std::int64_t> reveal_step;  // as SampledText's
};

/// `samples` answers to each prompt.  Draws are keyed by (prompt index, answer): which prompts are
/// asked together changes nothing.  Stops with Stopped when the observer asks.  DataError with
/// every prompt that cannot be encoded or is too long, before the first is answered.  Of several
/// processes each samples its part, and all have all answers.
std::vector<Generated> generate(const RunContext& run, const Work& work, const ModelBundle& bundle,
                                const AnySampler& sampler, const std::vector<Prompt>& prompts,
                                std::int64_t samples, const std::string& unit);

/// Answers that no verdict is known of: how many, and the first reason.
class FailedChecks {
 public:
  void note(const Example& example, const Verdict& verdict);
  /// A warning, if there are any; `of`: how many answers were checked.
  /// Errors  DataError if every check failed: an accuracy of 0 would be no measurement.
  void tell(const RunContext& run, const Work& work, std::size_t of) const;
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  std::int64_t count_ = 0;
  std::string first_;
};

/// The task's verdict; Stopped when the observer asks: a checker may take its time.
Verdict check_answer(const RunContext& run, const Work& work, const AnyTask& task,
                     const Example& example, const std::string& answer);

/// The first `limit` examples (0: all).
std::vector<Example> limited(std::vector<Example> examples, std::int64_t limit);

}  // namespace lldm
