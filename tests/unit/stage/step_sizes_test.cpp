// SPDX-License-Identifier: MIT
// The rows that a step's plan counts are those of one process's largest share.
#include "stage/step_sizes.hpp"

#include <ATen/TensorOperators.h>
#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "stage/heavy_batches.hpp"
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

TEST_CASE("the largest pass is that of packs as the engine makes them", "[stage][plan]") {
  const MicroBatchLoad texts = {{.length = 30, .copies = 3},
                                {.length = 7, .copies = 9},
                                {.length = 50, .copies = 2},
                                {.length = 12, .copies = 1}};
  for (const std::int64_t tokens : {1, 12, 29, 30, 55, 64, 90, 100, 128, 175, 200, 300, 1000}) {
    std::int64_t most = 0;
    for (const Pack& pack : packs_of(texts, tokens)) most = std::max(most, pack.tokens);
    CAPTURE(tokens);
    CHECK(largest_pass(texts, tokens) == most);
  }
}

TEST_CASE("a lighter micro-batch with a larger pass, or a longer text, is planned with",
          "[stage][plan]") {
  TrainWorld world;
  TrainingSetup& setup = world.setup;
  // Pairs of two lengths: micro-batches of long ones alone fill passes worse than mixed ones.
  setup.rows = pairs(40, /*length=*/9);
  for (std::size_t i = 0; i < 6; ++i)
    for (Text& answer : setup.rows[i].answers) answer.response.resize(4);
  setup.optimizer.batch_size = 2;
  setup.optimizer.gradient_accumulation_steps = 1;
  setup.optimizer.steps = 20;
  const AnyScoreEstimator estimator(MonteCarloElbo({.draws = 2}));
  const AnyForwardProcess corruption(process());
  const ObjectiveNeeds needs{.group_size = 2, .use = ScoreUse::difference};
  const StepParts parts{estimator, corruption, needs, setup.optimizer};
  // What every micro-batch of the stage would make, the slow way.
  RowOrder order(setup.draws, 40, 2);
  const auto largest = [&](std::int64_t tokens) {
    std::int64_t most = 0;
    for (std::int64_t step = 0; step < setup.optimizer.total_steps(40); ++step) {
      MicroBatchLoad texts;
      for (const auto& entry : order.step(step, setup.optimizer.row_limit(40)))
        for (const Text& text : setup.rows[static_cast<std::size_t>(entry.row)].answers)
          texts.push_back({text.length(), 2, 2 * text.num_scored()});
      for (const Pack& pack : packs_of(texts, tokens)) most = std::max(most, pack.tokens);
    }
    return most;
  };
  const std::int64_t longest = setup.rows.back().answers.front().length();
  bool differs = false;
  for (std::int64_t tokens = longest; tokens < 4 * longest; ++tokens) {
    setup.engine.max_tokens_per_forward = tokens;
    const StepSizes sizes = sizes_of_rows(parts, setup);
    std::int64_t most = 0, of_heaviest = 0;
    for (const MicroBatchLoad& texts : sizes.micro_batches)
      most = std::max(most, largest_pass(texts, tokens));
    of_heaviest = largest_pass(sizes.micro_batches.front(), tokens);
    CAPTURE(tokens);
    CHECK(most == largest(tokens));
    CHECK(sizes.longest == longest);
    differs = differs || of_heaviest < most;
  }
  CHECK(differs);  // else this shows nothing
}
