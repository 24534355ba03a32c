// SPDX-License-Identifier: MIT
// Training on answers that are labelled one by one.
#include <set>

#include "lldm/errors.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/kto.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// Rows of distinct prompts, every other one wanted.
std::vector<TrainingRow> labelled(std::uint64_t count) {
  std::vector<TrainingRow> rows;
  Stream stream = Draws(5, "rows").stream(Purpose::data);
  for (std::uint64_t id = 0; id < count; ++id) {
    Text text{{static_cast<std::int64_t>(id % 7), static_cast<std::int64_t>(id / 7)}, {}, -1};
    for (std::int64_t i = 0; i < 3 + stream.below(4); ++i) text.response.push_back(stream.below(7));
    rows.push_back({id, {text}, id % 2 == 0});
  }
  return rows;
}

TrainWorld world(std::int64_t steps) {
  TrainWorld world(steps);
  world.setup.rows = labelled(12);
  world.setup.path = GradientPath::automatic;
  return world;
}

template <class O>
Trainer<MaskedProcess, MonteCarloElbo, O> trainer_of(TrainWorld& world, O objective) {
  return {process(), MonteCarloElbo({.draws = 4}), std::move(objective), world.setup};
}

double reward(const Recorder& recorder, std::size_t line, const char* name) {
  return recorder.metrics.at(line).at(name);
}

}  // namespace

TEST_CASE("KTO on labelled answers raises the wanted above the others", "[train][unpaired]") {
  TrainWorld tuned = world(60);
  tuned.setup.optimizer.learning_rate = 5e-3;
  tuned.setup.optimizer.batch_size = 12;
  tuned.setup.rhythm.logging_steps = 30;
  auto trainer = trainer_of(tuned, Kto({.beta = 0.5}));
  Recorder recorder;
  trainer.run(recorder);
  REQUIRE(recorder.metrics.size() == 2);
  CHECK(reward(recorder, 1, "rewards/margins") > reward(recorder, 0, "rewards/margins") + 0.5);
  CHECK(reward(recorder, 1, "rewards/chosen") > reward(recorder, 1, "rewards/rejected"));
  CHECK(recorder.losses[1].second < recorder.losses[0].second);
}

TEST_CASE("The first loss on labelled answers is a half: the reference is the start",
          "[train][unpaired]") {
  TrainWorld tuned = world(1);
  auto trainer = trainer_of(tuned, Kto({}));
  Recorder recorder;
  trainer.run(recorder);
  CHECK(recorder.losses.at(0).second == Approx(0.5).epsilon(1e-12));
}

TEST_CASE("Labelled rows: every prompt is scored with the completion of the row before, as in TRL",
          "[train][unpaired]") {
  TrainWorld tuned = world(1);
  auto trainer = trainer_of(tuned, Kto({}));
  const std::vector<TrainingRow> rows = tuned.setup.rows;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto plans = trainer.reference_plans({Purpose::noise, 0, row});
    REQUIRE(plans.size() == 2);  // the answer, then the mismatched one
    const Text& before = rows[(row + rows.size() - 1) % rows.size()].answers.front();
    CHECK(plans[1].num_scored == before.num_scored());
    const std::vector<std::int64_t>& prompt = rows[row].answers.front().prompt;
    CHECK(std::equal(prompt.begin(), prompt.end(), plans[1].tokens.begin()));
    for (const Query& query : plans[1].queries)
      CHECK(query.target ==
            before.response[static_cast<std::size_t>(query.position) - prompt.size()]);
  }
}

TEST_CASE("Micro-batches do not change a step on labelled rows", "[train][unpaired]") {
  TrainWorld whole = world(3), parts = world(3);
  whole.setup.optimizer.batch_size = 4;
  parts.setup.optimizer.batch_size = 2;
  parts.setup.optimizer.gradient_accumulation_steps = 2;
  Recorder a, b;
  trainer_of(whole, Kto({})).run(a);
  trainer_of(parts, Kto({})).run(b);
  CHECK(largest_difference(*whole.policy, *parts.policy) < 1e-6);
}

TEST_CASE("Who knows no labels refuses them by name; mixed rows are refused", "[train][unpaired]") {
  TrainWorld tuned = world(1);
  tuned.setup.labels.objective = "objective \"dpo\"";
  CHECK_THROWS_WITH(
      trainer_of(tuned, Dpo({})),
      contains("holds one labelled answer, and objective \"dpo\" compares 2 answers"));
  TrainWorld mixed = world(1);
  mixed.setup.rows[3].wanted.reset();
  CHECK_THROWS_WITH(trainer_of(mixed, Kto({})), contains("labelled answers and pairs do not mix"));
  TrainWorld pairs_of_two(1);
  CHECK_NOTHROW(trainer_of(pairs_of_two, Kto({.kl = KtoKl::none})));
}

namespace {

/// The rows of a vector, made when they are asked for.
struct VectorSource final : RowSource {
  std::vector<TrainingRow> rows;
  [[nodiscard]] std::int64_t size() const override {
    return static_cast<std::int64_t>(rows.size());
  }
  [[nodiscard]] std::vector<TrainingRow> row(std::int64_t index) const override {
    return {rows.at(static_cast<std::size_t>(index))};
  }
};

}  // namespace

TEST_CASE("A source of rows is read in an order of its own, and a comparing loss refuses it",
          "[train][source]") {
  TrainWorld tuned = world(1);
  const auto source = std::make_shared<VectorSource>();
  source->rows = labelled(12);
  tuned.setup.source = source;
  tuned.setup.rows.clear();
  CHECK_THROWS_WITH(trainer_of(tuned, Kto({})),
                    contains("rows of a corpus are texts by themselves"));
  RowOrder order(Draws(1, "x"), 12, 5, Shuffle::counter);
  std::set<std::int64_t> seen;
  std::vector<std::int64_t> places;
  for (std::int64_t step = 0; step < 3; ++step)
    for (const RowOrder::Entry& entry : order.step(step, 12)) {
      CHECK(entry.epoch == 0);
      seen.insert(entry.row);
      places.push_back(entry.row);
    }
  CHECK(seen.size() == 12);
  CHECK(places.size() == 12);
  // The place of a step is its number alone.
  RowOrder later(Draws(1, "x"), 12, 5, Shuffle::counter);
  const auto second = later.step(1, 12);
  for (std::size_t i = 0; i < second.size(); ++i) CHECK(second[i].row == places[5 + i]);
}
