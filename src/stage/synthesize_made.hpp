// SPDX-License-Identifier: MIT
// What the ways of a synthesize stage share, and those that ask no model.
#pragma once

#include <string>
#include <vector>

#include "lldm/concepts/any_task.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/synthesize_options.hpp"
#include "synthesis/inject_pairs.hpp"
#include "synthesis/judged_answers.hpp"

namespace lldm {

struct MadePairs {
  std::string samples, pairs;  // JSONL
  Result result;
};

/// {"id", "prompt", "chosen", "rejected"}.
Result pair_json(const Example& example, const std::string& chosen, const std::string& rejected);

/// The stage's problems, at most `limit`.
/// Errors  DataError: benchmarks that the stage does not allow.
std::vector<Example> allowed_problems(const RunContext& run, const SynthesizeStage& stage,
                                      const AnyTask& task);

/// The file of the stage's task, or the task's name.
synthesis::PairSource source_of(const RunContext& run, const SynthesizeStage& stage);

synthesis::PairRule pair_rule(const SynthesizeStage& stage);

/// One error drawn by the task for each prompt and sample.
/// Errors  ConfigError: the task cannot inject.
MadePairs inject_by_task(const RunContext& run, const Work& work, const SynthesizeStage& stage);
/// Every kind that the stage names (inject_pairs.hpp): the bytes that `lldm data synthesize` writes
/// with the same seed.
MadePairs inject_kinds(const RunContext& run, const Work& work, const SynthesizeStage& stage);
/// The answers of a file, judged by the task.
MadePairs import_answers(const RunContext& run, const Work& work, const SynthesizeStage& stage);

}  // namespace lldm
