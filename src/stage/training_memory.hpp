// SPDX-License-Identifier: MIT
// What a stage that runs gives the planner.
#pragma once

#include <filesystem>

#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "stage/prepared_training.hpp"
#include "stage/step_advice.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// Whether the stage's model is neither a folder's nor an earlier stage's.
inline bool starts_fresh(const TrainingStage& stage, const ModelOptions& model) {
  return stage.from.empty() && model.path.empty();
}

/// Whether any stage trains fresh weights: then none of the file is in int8 or nf4.
bool trains_fresh_weights(const Experiment& experiment);

/// The numbers that training changes: all of the model's, or those of its adapter.
std::int64_t num_trained(const Model& model);

/// A stage's plan with what it was made of.
struct TrainingPlan {
  ChosenStep chosen;
  StepModel model;
  StepSizes sizes;
  ObjectiveNeeds needs;
  std::int64_t sharers = 1;  // processes that divide the budget
  Combination combination = Combination::sum;
  bool takes_codes = true;  // see Advised
  StepAsked asked;          // what the file says, or what was settled
  std::string settled_by;   // see Advised
  StepAsked anew;
  bool is_begun = false, is_other_anew = false;
  std::optional<BudgetRange> begun_with = {};  // budgets by which a stage that has begun is found
  DeviceProfile profile;
  std::int64_t context = 0;  // bytes of a GPU that driver and libraries take of each share
  /// What would help most, three indented lines by the planner's own numbers.
  /// `refused`: a budget (0: none) that it was planned into, and did not fit.
  [[nodiscard]] Advised advised(const TrainingStage& stage) const;
  [[nodiscard]] std::string advice(const TrainingStage& stage, std::int64_t refused = 0) const;
};

/// Predicts the peak from sizes alone and picks the gradient path, as choose_step.
///
/// Errors  ConfigError if the path the stage names is not exact for its objective; OutOfMemory if
///         no path fits the budget.
/// What is settled once for a piece of work lies in its folder, step_plan.json, and holds when it
/// is gone on with.
TrainingPlan plan_training(const RunContext& run, const Work& work, const TrainingStage& stage,
                           const PreparedTraining& prepared);

/// What the file says of how steps are done, its table `settled` included.
StepAsked asked_step(const TrainingStage& stage, const ExperimentOptions& options);

/// A step was done again with other passes: the work's steps are those of no budget any more.
void forget_same_budgets(const std::filesystem::path& folder);

/// Does the stage as it was planned.
void obey(const ChosenStep& chosen, PreparedTraining& prepared);

/// The profile that a file's plans go by.
DeviceProfile profile_of(const ExperimentOptions& options, const std::string& device);

}  // namespace lldm
