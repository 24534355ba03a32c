// SPDX-License-Identifier: MIT
#include "lldm/train/trainer.hpp"

#include <ATen/ops/sum.h>

#include <limits>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/train/checkpoint.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

using World = TrainWorld;
using ConcreteTrainer = Trainer<MaskedProcess, MonteCarloElbo, Dpo>;
using ErasedTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

ConcreteTrainer concrete(const TrainingSetup& setup) {
  return {process(), MonteCarloElbo({.draws = 2}), Dpo({.beta = 0.2}), setup};
}

}  // namespace

TEST_CASE("Trainer: concrete components give the bits of the erased ones", "[train]") {
  World a, b;
  a.setup.rhythm.logging_steps = b.setup.rhythm.logging_steps = 1;
  Recorder of_a, of_b;
  const auto start = clone_frozen(*a.policy);
  concrete(a.setup).run(of_a);
  ErasedTrainer erased(AnyForwardProcess(process()),
                       AnyScoreEstimator(MonteCarloElbo({.draws = 2})),
                       AnyObjective(Dpo({.beta = 0.2})), b.setup);
  erased.run(of_b);
  CHECK(bit_equal(*a.policy, *b.policy));
  CHECK(of_a.losses == of_b.losses);
  CHECK(of_a.losses.size() == 5);
  CHECK(largest_difference(*a.policy, *start) > 1e-4);
}

TEST_CASE("Trainer: a denoiser of the caller's own is trained on the path that fits one forward",
          "[train]") {
  for (const std::int64_t tokens : {std::int64_t{16}, std::int64_t{16384}}) {
    INFO("max_tokens_per_forward " << tokens);
    World told, chosen;
    told.setup.engine.max_tokens_per_forward = chosen.setup.engine.max_tokens_per_forward = tokens;
    told.setup.path = tokens == 16 ? GradientPath::replay : GradientPath::retain;
    chosen.setup.path = GradientPath::automatic;
    chosen.setup.policy = chosen.setup.reference = nullptr;  // the reference is its frozen copy
    Recorder of_told, of_chosen;
    concrete(told.setup).run(of_told);
    ConcreteTrainer own(process(), MonteCarloElbo({.draws = 2}), Dpo({.beta = 0.2}), chosen.policy,
                        chosen.setup);
    own.run(of_chosen);
    CHECK(bit_equal(*told.policy, *chosen.policy));
    REQUIRE(of_told.metrics.size() == of_chosen.metrics.size());
    CHECK(of_told.metrics.back().at("extra_passes") == of_chosen.metrics.back().at("extra_passes"));
    CHECK((of_chosen.metrics.back().at("extra_passes") > 0) == (tokens == 16));
  }
}

TEST_CASE("Trainer: accumulation changes no weight beyond rounding", "[train]") {
  World whole, parts;
  parts.setup.optimizer.batch_size = 1;
  parts.setup.optimizer.gradient_accumulation_steps = 4;
  Recorder quiet;
  concrete(whole.setup).run(quiet);
  concrete(parts.setup).run(quiet);
  CHECK(largest_difference(*whole.policy, *parts.policy) <= 1e-6);
}

// promise 2
TEST_CASE("Trainer: a run resumed from a checkpoint ends in the same bits", "[train]") {
  const TemporaryFolder folder;
  World straight(8), broken(8), resumed(8);
  for (World* world : {&straight, &broken, &resumed}) world->setup.rhythm.logging_steps = 2;
  Recorder quiet, again;
  concrete(straight.setup).run(quiet);

  Recorder saver;
  saver.stop_after = 3;
  saver.save = [&](const TrainingProgress& progress, const Optimizer& optimizer) {
    save_checkpoint(
        folder.path(),
        {.step = progress.step, .since = progress.since, .identity = "work", .tokenizer = "words"},
        broken.policy->parameters(), optimizer, 2);
  };
  auto first = concrete(broken.setup);
  CHECK_THROWS_AS(first.run(saver), Stopped);

  auto second = concrete(resumed.setup);
  const CheckpointState state = load_checkpoint(folder.path() / "step-00000003", "work", "words",
                                                resumed.policy->parameters(), second.optimizer());
  REQUIRE(state.step == 3);
  CHECK(second.optimizer().steps_done() == 3);
  CHECK(bit_equal(*resumed.policy, *broken.policy));
  second.run(again, {state.step, state.since});
  CHECK(bit_equal(*resumed.policy, *straight.policy));
  // The line of step 4 averages steps 3 and 4, though step 3 was done before the stop.
  REQUIRE(again.losses.size() + 1 == quiet.losses.size());
  CHECK(std::equal(again.losses.begin(), again.losses.end(), quiet.losses.begin() + 1));

  auto other = concrete(World(8).setup);
  CHECK_THROWS_AS(load_checkpoint(folder.path() / "step-00000003", "other work", "words",
                                  resumed.policy->parameters(), other.optimizer()),
                  DataError);
  CHECK_THROWS_AS(load_checkpoint(folder.path() / "step-00000003", "work", "bytes",
                                  resumed.policy->parameters(), other.optimizer()),
                  DataError);
}

TEST_CASE("Trainer: rows with another number of answers are refused", "[train]") {
  World world;
  world.setup.rows[3].answers.pop_back();
  CHECK_THROWS_AS(concrete(world.setup), DataError);
}

TEST_CASE("Trainer: validation is the same at every call", "[train]") {
  World world;
  world.setup.validation = pairs(6);
  const auto trainer = concrete(world.setup);
  CHECK(trainer.validate() == trainer.validate());
  CHECK(trainer.validate().at("loss") == Approx(std::log(2.0)));  // policy = reference
}

// promise 3
TEST_CASE("RowOrder: a step's rows depend on nothing but its number", "[train]") {
  const Draws draws(3, "stage");
  RowOrder forward(draws, 10, 4), backward(draws, 10, 4);
  std::vector<std::vector<RowOrder::Entry>> steps;
  for (std::int64_t i = 0; i < 10; ++i) steps.push_back(forward.step(i));
  std::vector<int> count(40, 0);
  for (std::int64_t i = 9; i >= 0; --i) {
    const auto again = backward.step(i);
    const auto& once = steps[static_cast<std::size_t>(i)];
    REQUIRE(again.size() == once.size());
    for (std::size_t k = 0; k < again.size(); ++k) {
      CHECK(again[k].row == once[k].row);
      CHECK(again[k].epoch == once[k].epoch);
      ++count[static_cast<std::size_t>(once[k].row) + 10 * once[k].epoch];
    }
  }
  CHECK(count == std::vector<int>(40, 1));  // four epochs, every row once in each

  // The split into steps changes nothing about the sequence, and `limit` cuts the last step.
  RowOrder finer(draws, 10, 1);
  for (std::int64_t k = 0; k < 40; ++k)
    CHECK(finer.step(k).front().row ==
          steps[static_cast<std::size_t>(k / 4)][static_cast<std::size_t>(k % 4)].row);
  CHECK(forward.step(2, 10).size() == 2);
  CHECK(forward.step(3, 10).empty());
  CHECK_THROWS_AS(RowOrder(draws, 0, 4), DataError);
}

TEST_CASE("LearningRate: warm-up, then what is asked for", "[train]") {
  LearningRate rate{.peak = 1.0, .decay = Decay::constant, .warmup_share = 0.1};
  CHECK(rate.at(0, 100) == Approx(0.1));
  CHECK(rate.at(4, 100) == Approx(0.5));
  CHECK(rate.at(9, 100) == Approx(1.0));
  CHECK(rate.at(99, 100) == Approx(1.0));

  rate.decay = Decay::cosine;
  CHECK(rate.at(10, 100) == Approx(1.0));
  CHECK(rate.at(55, 100) == Approx(0.5));
  CHECK(rate.at(99, 100) > 0.0);
  CHECK(rate.at(99, 100) < 0.001);

  rate.decay = Decay::stable_then_linear;
  rate.decay_share = 0.3;
  CHECK(rate.at(70, 100) == Approx(1.0));
  CHECK(rate.at(85, 100) == Approx(0.5));
  CHECK(rate.at(99, 100) == Approx(1.0 / 30));
  rate.final_share = 0.5;
  CHECK(rate.at(85, 100) == Approx(0.75));
  for (const auto decay : {Decay::constant, Decay::cosine, Decay::stable_then_linear})
    CHECK(LearningRate{.peak = 2.0, .decay = decay}.at(0, 1) > 0.0);
}

TEST_CASE("Trainer: pairwise memory does not grow with the number of evaluations",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  const auto growth = [&](GradientPath path, std::int64_t steps) {
    World world(2);
    world.setup.rows = pairs(4, 24);
    world.setup.optimizer.batch_size = 1;
    world.setup.path = path;
    Trainer<MaskedProcess, FullTrajectory, Dpo> trainer(process(), FullTrajectory({.steps = steps}),
                                                        Dpo({.beta = 0.2}), world.setup);
    Recorder quiet;
    trainer.run(quiet);  // the first gradients and buffers exist from here on
    const MemoryManager::Watch watch(memory);
    trainer.run(quiet);
    return static_cast<double>(watch.growth_bytes(MemoryDevice::cpu));
  };
  const double few = growth(GradientPath::pairwise, 5), many = growth(GradientPath::pairwise, 80);
  INFO("pairwise, T = 5: " << few << " B, T = 80: " << many << " B");
  REQUIRE(few > 0);
  CHECK(std::abs(many / few - 1) <= 0.05);
  const double retained = growth(GradientPath::retain, 5),
               retained_more = growth(GradientPath::retain, 80);
  INFO("retain, T = 5: " << retained << " B, T = 80: " << retained_more << " B");
  CHECK(retained_more > 1.5 * retained);
}

TEST_CASE("Trainer: passes are counted as they are run, whatever the batch", "[train]") {
  for (const std::int64_t batch : {1, 3, 8, 16}) {
    World world(0);
    world.setup.optimizer.epochs = 1;
    world.setup.optimizer.batch_size = batch;
    world.setup.rows = pairs(8);
    world.setup.validation = pairs(3);
    world.setup.rhythm.logging_steps = 100;
    Recorder recorder;
    Trainer<MaskedProcess, MonteCarloElbo, Dpo> trainer(process(), MonteCarloElbo({.draws = 4}),
                                                        Dpo({.beta = 0.2}), world.setup);
    trainer.run(recorder);
    const auto steps = static_cast<double>(trainer.total_steps());
    INFO("batch " << batch);
    REQUIRE(recorder.metrics.size() == 1);
    CHECK(recorder.metrics[0].at("forward_passes") * steps == Approx(64).epsilon(1e-14));
    CHECK(recorder.metrics[0].at("evaluated_passes") * steps == Approx(64).epsilon(1e-14));
    CHECK(recorder.metrics[0].at("reference_passes") * steps == Approx(64).epsilon(1e-14));
    CHECK(recorder.metrics[0].at("extra_passes") == 0);
    const auto validation = trainer.validate();
    CHECK(validation.at("forward_passes") == 24);
    CHECK(validation.at("reference_passes") == 24);
  }
}

// promise 9
TEST_CASE("Trainer: an objective that gives no number is named with its rows", "[train]") {
  struct Broken {
    [[nodiscard]] ObjectiveNeeds needs() const { return Dpo({}).needs(); }
    [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
      return {(scores.policy.select(1, 0) - scores.reference.select(1, 0)).sum() / 0.0, {}};
    }
  };
  World world(2);
  world.setup.path = GradientPath::retain;
  world.setup.labels.where = "stage \"tuned\"";
  world.setup.labels.objective = "objective \"broken\" (plugin mine 0.1)";
  Recorder quiet;
  Trainer<MaskedProcess, MonteCarloElbo, Broken> trainer(process(), MonteCarloElbo({.draws = 2}),
                                                         Broken(), world.setup);
  CHECK_THROWS_WITH(trainer.run(quiet),
                    contains("stage \"tuned\": the loss is ") &&
                        contains("objective \"broken\" (plugin mine 0.1), of row ") &&
                        contains("nothing was updated by this step"));
}

// promise 9
TEST_CASE("Trainer: a model that gives no number is named with its rows", "[train]") {
  World world(2);
  world.policy->parameters().front().value.detach().fill_(std::numeric_limits<double>::quiet_NaN());
  world.setup.labels.policy = "denoiser \"llada\"";
  Recorder quiet;
  auto trainer = concrete(world.setup);
  CHECK_THROWS_WITH(trainer.run(quiet), contains("the policy's score is nan at optimizer step 1") &&
                                            contains("denoiser \"llada\", of row "));
}
