// SPDX-License-Identifier: MIT
// What training asks its reference, row by row.
#pragma once

#include <vector>

#include "lldm/train/trainer.hpp"
#include "stage/reference_scores.hpp"

namespace lldm {

using StageTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

/// The plans of one row in one epoch, named for a cache.
inline std::vector<AskedPlan> asked_of(const StageTrainer& trainer, const TrainingSetup& setup,
                                       const RowUse& use) {
  const auto& rows = use.purpose == Purpose::noise ? setup.rows : setup.validation;
  std::vector<AskedPlan> asked;
  for (ScorePlan& plan : trainer.reference_plans(use))
    asked.push_back({std::move(plan), use.epoch, rows[use.row].id, asked.size()});
  return asked;
}

}  // namespace lldm
