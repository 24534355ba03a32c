// SPDX-License-Identifier: MIT
// Which of a stage's numbers are trained: all weights, or an adapter beside them.
#pragma once

#include "lldm/model/model_options.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

/// The adapter that the stage trains; of type none where it trains all weights, which are made
/// trainable then (with the updates of the adapter that they come with).
AdapterOptions settle_weights(const RunContext& run, const Work& work, const TrainingStage& stage,
                              const ModelBundle& bundle);

/// Trains the adapter that the stage starts from, else a fresh one, with its dropout, by the draws
/// of `setup`.
/// Errors  ConfigError where [model] adapter asks for another one than the stage starts from.
void train_adapter(const RunContext& run, const Work& work, const AdapterOptions& adapter,
                   TrainingSetup& setup, ModelBundle& bundle);

}  // namespace lldm
