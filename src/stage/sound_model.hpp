// SPDX-License-Identifier: MIT
// The last look at a model before it is published.
#pragma once

#include <string>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

/// Error naming stage and step unless every weight is finite and the model gives the first training
/// row a finite score: no loss was computed after the last step.
///
/// Cost    one pass over the weights, and the forward passes of one text
void require_sound_model(const std::string& stage, std::int64_t steps,
                         const AnyForwardProcess& process, const AnyScoreEstimator& estimator,
                         const TrainingSetup& setup);

}  // namespace lldm
