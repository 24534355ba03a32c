// SPDX-License-Identifier: MIT
// What a run asks of its reference is known before its first step.
#include <set>

#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/estimator/adaptive.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/kto.hpp"
#include "lldm/objective/simpo.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/reference_cache.hpp"
#include "lldm/train/trainer.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr std::size_t kRows = 7, kValidation = 3;

std::vector<TrainingRow> pairs(std::uint64_t first, std::size_t count) {
  std::vector<TrainingRow> rows;
  Stream stream = Draws(first, "rows").stream(Purpose::data);
  const auto text = [&] {
    Text answer{{stream.below(7), stream.below(7)}, {}, -1};
    const std::int64_t size = 3 + stream.below(6);
    for (std::int64_t i = 0; i < size; ++i) answer.response.push_back(stream.below(7));
    return answer;
  };
  for (std::uint64_t id = 0; id < count; ++id) rows.push_back({first + id, {text(), text()}});
  return rows;
}

TrainingSetup setup(std::int64_t steps) {
  const TransformerConfig config{.width = 16,
                                 .layers = 1,
                                 .heads = 2,
                                 .kv_heads = 2,
                                 .mlp_width = 24,
                                 .vocabulary = 8,
                                 .logit_columns = 8,
                                 .max_length = 32};
  TrainingSetup setup;
  const auto policy = make_transformer(config, {.head_std = 0.5}, Draws(1, "model"));
  policy->set_trainable(true);
  setup.policy = std::make_shared<AnyDenoiser>(policy);
  setup.rows = pairs(0, kRows);
  setup.validation = pairs(100, kValidation);
  setup.optimizer.steps = steps;
  setup.optimizer.batch_size = 3;
  setup.path = GradientPath::replay;
  setup.draws = Draws(11, "tuned");
  return setup;
}

/// Keys that a whole run asks of its reference, and those that were announced.
struct Asked {
  std::set<PlanKey> by_run, announced;
  std::size_t uses = 0;
};

Asked ask(TrainingSetup given, const AnyObjective& objective) {
  Asked asked;
  given.stored_reference = [&](const ScorePlan& plan) {
    asked.by_run.insert(plan_key(plan));
    return std::vector<double>(plan.queries.size(), -1.0);
  };
  Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective> trainer(
      AnyForwardProcess(MaskedProcess(7, LinearSchedule())), MonteCarloElbo({.draws = 3}),
      objective, given);
  for (const RowUse& use : trainer.row_uses()) {
    ++asked.uses;
    for (const ScorePlan& plan : trainer.reference_plans(use))
      asked.announced.insert(plan_key(plan));
  }
  TrainingObserver quiet;
  trainer.run(quiet);
  return asked;
}

}  // namespace

TEST_CASE("Trainer: a run asks its reference exactly what was announced", "[train]") {
  const AnyObjective dpo = Dpo({.beta = 0.2});
  constexpr std::int64_t kSteps = 9;  // 27 uses of 7 rows: 3 epochs and 6 rows of a fourth
  const Asked fresh = ask(setup(kSteps), dpo);
  CHECK((fresh.by_run == fresh.announced));
  CHECK(fresh.uses == 3 * kSteps + kValidation);
  CHECK(fresh.by_run.size() == 2 * (3 * kSteps + kValidation));

  for (const std::int64_t epochs : {1, 2}) {
    TrainingSetup repeated = setup(kSteps);
    repeated.draws_epochs = epochs;
    const Asked asked = ask(repeated, dpo);
    CHECK((asked.by_run == asked.announced));
    CHECK(asked.by_run.size() == 2 * (static_cast<std::size_t>(epochs) * kRows + kValidation));
    // The first epochs are those of a run that draws afresh.
    CHECK(std::includes(fresh.by_run.begin(), fresh.by_run.end(), asked.by_run.begin(),
                        asked.by_run.end()));
  }

  TrainingSetup unshared = setup(kSteps);
  unshared.shared_draws = false;
  const Asked apart = ask(unshared, dpo);
  CHECK((apart.by_run == apart.announced));
  for (const PlanKey& key : apart.by_run) CHECK(!fresh.by_run.contains(key));

  // Another beta, LD-DPO's weights: the same questions.  KTO also asks mismatched answers.
  CHECK((ask(setup(kSteps), Dpo({.beta = 0.7, .ld_alpha = 0.4})).by_run == fresh.by_run));
  const Asked kto = ask(setup(kSteps), Kto({}));
  CHECK((kto.by_run == kto.announced));
  CHECK(kto.by_run.size() == 3 * (3 * kSteps + kValidation));

  CHECK(ask(setup(kSteps), Simpo({})).by_run.empty());  // no reference, and none is asked
}

TEST_CASE("Trainer: what an adaptive estimator will ask is not announced", "[train]") {
  const Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective> trainer(
      AnyForwardProcess(MaskedProcess(7, LinearSchedule())),
      Adaptive({.min = 2, .max = 4}, MonteCarloElbo({.draws = 2})), Dpo({}), setup(3));
  CHECK_THROWS_AS(trainer.row_uses(), ConfigError);
}
