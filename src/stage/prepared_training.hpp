// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/data_source.hpp"
#include "stage/reference_scores.hpp"

namespace lldm {

/// A training stage with everything that it works on, before its first step.
struct PreparedTraining {
  ModelBundle bundle;
  AnyForwardProcess process;
  AnyScoreEstimator estimator;
  AnyObjective objective;
  TrainingSetup setup;
  std::shared_ptr<ReferenceCache> cache;  // of the reference's scores; null without one
  std::vector<SourceRow> sources;         // of the rows trained on; none of a corpus
  Result held_out;                        // what the result says of the validation rows, or null
  LongRowCounts long_rows;
  ObjectiveNeeds needs;      // of the objective, with these rows
  bool is_published = true;  // false: trained to be measured alone
};

/// Loads the model, reads the rows, and sets up adapter, reference and cache.
PreparedTraining prepare_training(const RunContext& run, const Work& work,
                                  const TrainingStage& stage);

}  // namespace lldm
