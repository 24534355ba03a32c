// SPDX-License-Identifier: MIT
// How noisy a preference stage's scores are, and how well they rank pairs they were not trained on.
#pragma once

#include <vector>

#include "lldm/stage/run_context.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

/// The draws of one answer in one repetition of the study.
TextDraws study_draws(const TrainingSetup& setup, const TrainingRow& pair, std::size_t answer,
                      int repeat);

/// The plans of one repetition of the study, in order [pair * 2 + answer].
std::vector<ScorePlan> study_plans(const AnyForwardProcess& process,
                                   const AnyScoreEstimator& estimator, const TrainingSetup& setup,
                                   const std::vector<TrainingRow>& pairs, int repeat);

/// Scores held-out pairs kStudyRepeats times with fresh draws of the stage's own estimator:
/// standard deviation of a score, of a log-ratio and of the pair's margin over the draws (root mean
/// square over pairs, nats), correlation of policy and reference scores, and reward accuracy.
Result study_scores(const AnyForwardProcess& process, const AnyScoreEstimator& estimator,
                    const TrainingSetup& setup, const std::vector<TrainingRow>& pairs);

inline constexpr int kStudyRepeats = 8;
inline constexpr std::size_t kStudyPairs = 64;

}  // namespace lldm
