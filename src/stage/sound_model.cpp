// SPDX-License-Identifier: MIT
#include "stage/sound_model.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/score/engine.hpp"
#include "model/hashed_weights.hpp"

namespace lldm {
namespace {

constexpr const char* kAdvice =
    "\n  no model is published; a smaller learning_rate, or max_gradient_norm = 1, may help";

}  // namespace

void require_sound_model(const std::string& stage, std::int64_t steps,
                         const AnyForwardProcess& process, const AnyScoreEstimator& estimator,
                         const TrainingSetup& setup) {
  const std::string after = message("stage \"", stage, "\": after step ", steps, " ");
  require_finite(setup.policy->parameters(),
                 after + "the weights are not finite: no model is published");
  const TrainingRow row = setup.source ? setup.source->row(0).front() : setup.rows.front();
  const ScorePlan plan = estimator.plan(row.answers.front(), process,
                                        TextDraws(setup.draws, Purpose::evaluation, 0, row.id, 0));
  const ScoreEngine<AnyDenoiser> engine(setup.policy, nullptr, setup.device, setup.engine);
  for (const double readout : engine.readouts({&plan, 1}, /*reference=*/false))
    if (!std::isfinite(readout))
      throw Error(message(after, "the model is broken: a score of ", setup.labels.row_text(row.id),
                          " is ", readout, ", not finite", kAdvice));
}

}  // namespace lldm
