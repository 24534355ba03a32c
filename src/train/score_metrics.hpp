// SPDX-License-Identifier: MIT
// How noisy the scores of a step were: what nobody else logs.
#pragma once

#include <map>
#include <string>

#include "lldm/score/engine.hpp"

namespace lldm {

/// What the noise of the scores of one micro-batch says.
struct ScoreNoise {
  /// score/standard_error, margin/standard_error [nats], score/policy_reference_correlation (of the
  /// deviations of a text's replicates from their mean), score/effective_draws,
  /// score/queried_share, score/mask_ratio.  What one replicate per text cannot say is left out.
  std::map<std::string, Mean> metrics;
  /// Mean squared standard error of a pair's margin (of a score where groups are no pairs), nats^2;
  /// NaN with one replicate.
  double squared_error = 0;
  double num_errors = 0;  // margins (or scores) behind it
  /// Variance of the micro-batch's share of the loss to first order in the scores' errors; NaN if
  /// unknown.
  double loss_variance = 0;
};

/// Reads the noise off a step.  `loss` is the micro-batch's normalised loss.
ScoreNoise score_noise(const EngineStep& step, const ScoreBatch& batch, const LossFunction& loss);

}  // namespace lldm
