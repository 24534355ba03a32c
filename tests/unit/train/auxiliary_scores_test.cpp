// SPDX-License-Identifier: MIT
// What an objective may ask of the trainer beside the scores: mismatched answers, weights behind
// the shared length, the whole optimizer step.
#include <ATen/ops/tensor.h>

#include <memory>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/combine.hpp"
#include "lldm/train/trainer.hpp"
#include "support/catch.hpp"
#include "train/shared_length.hpp"

using namespace lldm;

namespace {

constexpr std::int64_t kMask = 7;

/// A loss with the needs that a test asks for, which keeps every set it is shown.
struct Recording {
  ObjectiveNeeds declared;
  std::shared_ptr<std::vector<ScoreSet>> seen = std::make_shared<std::vector<ScoreSet>>();

  [[nodiscard]] ObjectiveNeeds needs() const { return declared; }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    seen->push_back(scores);
    return {scores.policy.sum() - scores.reference.sum(), {}};
  }
};

std::vector<TrainingRow> rows_of(std::int64_t count) {
  std::vector<TrainingRow> rows;
  for (std::int64_t r = 0; r < count; ++r) {
    const auto answer = [&](std::int64_t size, std::int64_t token) {
      return Text{{r, r}, std::vector<std::int64_t>(static_cast<std::size_t>(size), token), -1, {}};
    };
    rows.push_back({static_cast<std::uint64_t>(10 + r), {answer(2 + r % 3, r), answer(4, 5)}});
  }
  return rows;
}

TrainingSetup setup_of(std::int64_t rows) {
  const TransformerConfig config{.width = 16,
                                 .layers = 1,
                                 .heads = 2,
                                 .kv_heads = 2,
                                 .mlp_width = 24,
                                 .vocabulary = 8,
                                 .logit_columns = 8,
                                 .max_length = 32};
  const auto model = make_transformer(config, {.head_std = 0.5}, Draws(1, "model"));
  model->set_trainable(true);
  TrainingSetup setup;
  setup.policy = std::make_shared<AnyDenoiser>(model);
  setup.reference =
      std::make_shared<AnyDenoiser>(make_transformer(config, {.head_std = 0.5}, Draws(2, "model")));
  setup.rows = rows_of(rows);
  setup.optimizer.steps = 1;
  setup.optimizer.batch_size = 2;
  setup.optimizer.gradient_accumulation_steps = 2;
  setup.optimizer.learning_rate = 0;
  setup.path = GradientPath::retain;
  setup.draws = Draws(11, "tuned");
  return setup;
}

using RecordingTrainer = Trainer<MaskedProcess, MonteCarloElbo, Recording>;

RecordingTrainer trainer(const Recording& objective, const TrainingSetup& setup) {
  return {MaskedProcess(kMask, LinearSchedule()), MonteCarloElbo({.draws = 2}), objective, setup};
}

ObjectiveNeeds needs_of(ScoreUse use) {
  return {.group_size = 2, .reference = true, .use = use, .denominator = Denominator::groups};
}

}  // namespace

TEST_CASE("Trainer: a mismatched text is the prompt with the next row's first answer",
          "[train][auxiliary]") {
  const TrainingSetup setup = setup_of(4);
  ObjectiveNeeds needs = needs_of(ScoreUse::coupled);
  needs.mismatched = true;
  const auto with = trainer({needs}, setup);
  for (std::size_t row = 0; row < 4; ++row) {
    const auto plans = with.reference_plans({.row = row});
    REQUIRE(plans.size() == 3);
    const ScorePlan& plan = plans.back();
    const Text& answer = setup.rows[(row + 1) % 4].answers.front();
    CHECK(plan.num_scored == static_cast<std::int64_t>(answer.response.size()));
    for (std::int64_t copy = 0; copy < plan.copies(); ++copy)
      for (std::int64_t i = 0; i < plan.num_prompt; ++i)
        CHECK(plan.copy(copy)[static_cast<std::size_t>(i)] == static_cast<std::int64_t>(row));
    for (const Query& query : plan.queries) CHECK(query.target == answer.response.front());
  }
}

TEST_CASE("Trainer: mismatched scores are those of their plans, for the whole step at once",
          "[train][auxiliary]") {
  const TrainingSetup setup = setup_of(4);
  ObjectiveNeeds needs = needs_of(ScoreUse::coupled);
  needs.mismatched = true;
  const Recording objective{needs};
  auto training = trainer(objective, setup);
  std::vector<double> policy, reference;
  const ScoreEngine<AnyDenoiser> engine(setup.policy, setup.reference);
  for (const auto& entry : RowOrder(setup.draws, 4, 4).step(0)) {
    const std::vector<ScorePlan> plan{
        training.reference_plans({.epoch = entry.epoch, .row = static_cast<std::size_t>(entry.row)})
            .back()};
    for (const bool of_reference : {false, true}) {
      const auto values = engine.readouts(plan, of_reference);
      (of_reference ? reference : policy)
          .push_back(combine(plan, at::tensor(values, at::kDouble)).scores.item<double>());
    }
  }
  TrainingObserver quiet;
  training.run(quiet);
  REQUIRE(!objective.seen->empty());
  for (const ScoreSet& set : *objective.seen) {
    REQUIRE(set.policy.size(0) == 4);  // not micro-batches of two
    CHECK(!set.auxiliary.at("mismatched_policy").requires_grad());
    for (std::int64_t b = 0; b < 4; ++b) {
      const auto at = static_cast<std::size_t>(b);
      CHECK(set.auxiliary.at("mismatched_policy")[b].item<double>() ==
            Approx(policy[at]).epsilon(1e-6));
      CHECK(set.auxiliary.at("mismatched_reference")[b].item<double>() ==
            Approx(reference[at]).epsilon(1e-6));
      CHECK(policy[at] != reference[at]);
    }
  }
}

TEST_CASE(
    "Trainer: only coupled losses see the whole step, and only who asks sees mismatched scores",
    "[train][auxiliary]") {
  const TrainingSetup setup = setup_of(4);
  const Recording objective{needs_of(ScoreUse::each)};
  auto training = trainer(objective, setup);
  TrainingObserver quiet;
  training.run(quiet);
  REQUIRE(!objective.seen->empty());
  for (const ScoreSet& set : *objective.seen) {
    CHECK(set.policy.size(0) == 2);
    CHECK(set.totals.groups == 4);
    CHECK(!set.auxiliary.contains("mismatched_policy"));
  }
}

TEST_CASE("Trainer: beyond_shared_length scales exactly the queries behind the shorter answer",
          "[train][auxiliary]") {
  const TrainingSetup setup = setup_of(3);  // answers of 2, 3, 4 tokens beside 4
  ObjectiveNeeds weighed = needs_of(ScoreUse::each);
  weighed.beyond_shared_length = 0.25;
  const auto plain = trainer({needs_of(ScoreUse::each)}, setup), scaled = trainer({weighed}, setup);
  int inside = 0, behind = 0;
  for (std::size_t row = 0; row < 3; ++row) {
    const auto before = plain.reference_plans({.row = row}),
               after = scaled.reference_plans({.row = row});
    REQUIRE(after.size() == 2);
    const std::int64_t shared = before[0].num_scored;
    for (std::size_t answer = 0; answer < 2; ++answer) {
      REQUIRE(after[answer].queries.size() == before[answer].queries.size());
      CHECK(after[answer].tokens == before[answer].tokens);
      for (std::size_t q = 0; q < after[answer].queries.size(); ++q) {
        const Query& query = before[answer].queries[q];
        const bool is_behind = query.position - before[answer].num_prompt >= shared;
        CHECK(after[answer].queries[q].weight == query.weight * (is_behind ? 0.25 : 1.0));
        ++(is_behind ? behind : inside);
      }
    }
  }
  CHECK(inside > 0);
  CHECK(behind > 0);
}

TEST_CASE("weigh_beyond_shared_length: prompts are not counted, lists have one shared length",
          "[train][auxiliary]") {
  std::vector<ScorePlan> plans(3);
  for (std::size_t p = 0; p < 3; ++p) {
    plans[p].num_prompt = static_cast<std::int64_t>(p);
    plans[p].num_scored = static_cast<std::int64_t>(2 + p);
    for (std::int32_t t = 0; t < plans[p].num_scored; ++t)
      plans[p].queries.push_back(
          {.copy = 0, .position = static_cast<std::int32_t>(p) + t, .target = 0, .weight = 2.0});
  }
  weigh_beyond_shared_length(plans, 3, 0.5);
  for (const ScorePlan& plan : plans)
    for (std::size_t t = 0; t < plan.queries.size(); ++t)
      CHECK(plan.queries[t].weight == (t < 2 ? 2.0 : 1.0));
}
