// SPDX-License-Identifier: MIT
// What a study works on: pairs, a policy, its reference, a loss.
#pragma once

#include <vector>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/score/finite_scores.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/study_options.hpp"
#include "lldm/train/training_rows.hpp"

namespace lldm {

struct Study {
  const RunContext& run;
  const Work& work;
  const StudyStage& stage;
  Services services;
  AnyForwardProcess process;
  AnyObjective objective;
  std::vector<TrainingRow> pairs;
  std::vector<NamedParameter> parameters;  // of the policy
  ScoreEngine<AnyDenoiser> engine;
  ScoreLabels labels;  // of the estimator that is measured

  [[nodiscard]] std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> ids;
    for (const TrainingRow& row : pairs) ids.push_back(row.id);
    return ids;
  }

  [[nodiscard]] ScoreBatch plans(const AnyScoreEstimator& estimator, std::int64_t repeat) const {
    ScoreBatch batch;
    batch.group_size = 2;
    for (const TrainingRow& row : pairs)
      for (std::size_t answer = 0; answer < row.answers.size(); ++answer) try {
          batch.plans.push_back(
              estimator.plan(row.answers[answer], process,
                             TextDraws(services.draws, Purpose::evaluation,
                                       static_cast<std::uint64_t>(repeat), row.id, answer)));
        } catch (const DataError& error) {
          throw DataError(message("stage \"", stage.name, "\": ", labels.row_text(row.id),
                                  ", answer ", answer + 1, ": ", error.what()));
        }
    return batch;
  }
  [[nodiscard]] LossFunction loss() const {
    return [this](const ScoreSet& scores) {
      ObjectiveResult result = objective.evaluate(scores);
      result.loss_sum = normalised_loss(result, objective.needs().denominator, scores.totals);
      return result;
    };
  }
};

}  // namespace lldm
