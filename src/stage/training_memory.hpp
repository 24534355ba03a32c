// SPDX-License-Identifier: MIT
// Which gradient path a training stage takes, and what it is predicted to hold.
#pragma once

#include "lldm/memory/planner.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

struct TrainingMemory {
  GradientPath path = GradientPath::linear;
  std::int64_t predicted_bytes = 0;
  std::string table;  // predicted bytes by purpose, for `plan`
};

/// Predicts the peak from sizes alone and picks the gradient path: `linear` where the weights are
/// known; else `retain` where it fits the budget (fastest), else `pairwise` where it is exact, else
/// `replay`.
///
/// Errors  ConfigError if the path the stage names is not exact for its objective; OutOfMemory if
///         no path fits the budget.
TrainingMemory plan_training_memory(const RunContext& run, const Work& work,
                                    const TrainingStage& stage, const ModelBundle& bundle,
                                    const AnyScoreEstimator& estimator,
                                    const AnyForwardProcess& process, const ObjectiveNeeds& needs,
                                    const TrainingSetup& setup);

}  // namespace lldm
