// SPDX-License-Identifier: MIT
// Which gradient path a training stage takes, and what it is predicted to hold.
#pragma once

#include "lldm/memory/planner.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

/// What a CPU block's backward pass holds of its own weights beside the sums that they are added
/// to: their gradients (4 D^2 + 3 D M values) and the joined q, k, v weight (3 D^2).
constexpr std::int64_t block_gradient_values(const ModelShape& shape) {
  return 7 * shape.width * shape.width + 3 * shape.width * shape.mlp_width;
}

/// What a block of src/model keeps per token: on the CPU what its node saves, elsewhere what plain
/// operations do.
ActivationModel block_activations(const std::string& device, Recomputation recomputation);

/// Whether the stage's model is neither a folder's nor an earlier stage's.
inline bool starts_fresh(const TrainingStage& stage, const ModelOptions& model) {
  return stage.from.empty() && model.path.empty();
}

/// The numbers that training changes: all of the model's, or those of its adapter.
std::int64_t num_trained(const Model& model);

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
