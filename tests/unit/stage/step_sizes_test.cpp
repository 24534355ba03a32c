// SPDX-License-Identifier: MIT
// The rows that a step's plan counts are those of one process's largest share.
#include "stage/step_sizes.hpp"

#include <ATen/TensorOperators.h>
#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "support/catch.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// Answers of the heaviest share of a step, in texts.
std::size_t texts_of(TrainingSetup setup, ScoreUse use, const StepSharing& sharing) {
  setup.rows = pairs(24, /*length=*/6);  // all alike
  const AnyScoreEstimator estimator(MonteCarloElbo({.draws = 2}));
  const AnyForwardProcess corruption(process());
  const ObjectiveNeeds needs{.group_size = 2, .use = use};
  const StepSizes sizes =
      sizes_of_rows({estimator, corruption, needs, setup.optimizer}, setup, sharing);
  std::size_t most = 0;
  for (const MicroBatchLoad& texts : sizes.micro_batches) most = std::max(most, texts.size());
  return most;
}

}  // namespace

TEST_CASE("a plan counts the rows of one process", "[stage][plan]") {
  TrainWorld world;
  world.setup.optimizer.batch_size = 5;
  const auto of = [&](const StepSharing& sharing, ScoreUse use = ScoreUse::difference) {
    return texts_of(world.setup, use, sharing);
  };
  CHECK(of({}) == 10);
  CHECK(of({.ranks = 2}) == 6);  // three pairs and two
  CHECK(of({.ranks = 8}) == 2);
  CHECK(of({.ranks = 2, .keeps_micro_batches = true}) == 10);
  world.setup.optimizer.gradient_accumulation_steps = 2;
  CHECK(of({.ranks = 2}) == 10);  // a micro-batch each
  CHECK(of({.ranks = 4}) == 6);   // ten pairs: a share of three lies in one micro-batch
  CHECK(of({}, ScoreUse::coupled) == 20);
  CHECK(of({.ranks = 2, .is_coupled = true}, ScoreUse::coupled) == 10);
}
