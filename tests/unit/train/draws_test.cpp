// SPDX-License-Identifier: MIT
// Draws through the trainer: the plans of a run are a function of seed, row, answer and epoch, and
// of nothing else; policy and reference share them.
#include <algorithm>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/draw_laws.hpp"
#include "support/one_thread.hpp"
#include "support/registered_components.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr std::int64_t kRows = 6;
using ErasedTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

/// Pairs of different texts of four tokens, prompt included, each with a recorded order.
std::vector<TrainingRow> pairs() {
  std::vector<TrainingRow> rows;
  Stream stream = Draws(5, "orders").stream(Purpose::data);
  for (std::int64_t id = 0; id < kRows; ++id) {
    TrainingRow row{static_cast<std::uint64_t>(id), {}};
    for (std::int64_t g = 0; g < 2; ++g) {
      const std::int64_t n = 2 * id + g;  // told apart by its digits
      row.answers.push_back({{id % 3}, {n % 3, n / 3 % 3, n / 9 % 3}, -1, stream.permutation(3)});
    }
    rows.push_back(row);
  }
  return rows;
}

struct Quiet : TrainingObserver {
  std::function<void(const TrainingProgress&, const Optimizer&)> save;
  std::int64_t stop_after = -1, seen = 0;
  void on_save(const TrainingProgress& progress, const Optimizer& optimizer) override {
    if (save) save(progress, optimizer);
  }
  bool should_stop() override { return ++seen == stop_after; }
};

/// One run of two epochs.
struct Run {
  std::shared_ptr<TableDenoiser> policy = std::make_shared<TableDenoiser>(ToyTable(3, 4, 1));
  TrainingSetup setup;

  Run() {
    setup.policy = std::make_shared<AnyDenoiser>(policy);
    setup.reference =
        std::make_shared<AnyDenoiser>(std::make_shared<TableDenoiser>(ToyTable(3, 4, 1), false));
    setup.rows = pairs();
    setup.optimizer.epochs = 2;
    setup.optimizer.batch_size = 2;
    setup.path = GradientPath::retain;
    setup.draws = Draws(11, "tuned");
  }
  [[nodiscard]] ErasedTrainer trainer(const AnyScoreEstimator& estimator) const {
    return {MaskedProcess(3, LinearSchedule()), estimator, Dpo({.beta = 0.2}), setup};
  }
  [[nodiscard]] PlanLog plans(const AnyScoreEstimator& estimator) const {
    const RecordingEstimator recording{estimator};
    Quiet quiet;
    trainer(recording).run(quiet);
    return *recording.log;
  }
};

/// The plans of a run that is stopped after two steps and goes on, as another process would, from
/// its checkpoint.
PlanLog resumed_plans(const AnyScoreEstimator& estimator) {
  const TemporaryFolder folder;
  const RecordingEstimator recording{estimator};
  Run broken;
  Quiet saver;
  saver.stop_after = 2;
  saver.save = [&](const TrainingProgress& progress, const Optimizer& optimizer) {
    save_checkpoint(folder.path(),
                    {.step = progress.step,
                     .since = progress.since,
                     .identity = "work",
                     .tokenizer = "toy",
                     .adaptation = progress.adaptation},
                    broken.policy->parameters(), optimizer, 2);
  };
  CHECK_THROWS_AS(broken.trainer(recording).run(saver), Stopped);
  const Run other;
  ErasedTrainer trainer = other.trainer(recording);
  const CheckpointState state = load_checkpoint(folder.path() / "step-00000002", "work", "toy",
                                                other.policy->parameters(), trainer.optimizer());
  Quiet quiet;
  trainer.run(quiet, {state.step, state.since, state.adaptation});
  return *recording.log;
}

}  // namespace

// promise 3
TEST_CASE("Draws: bit-equal plans over row order, micro-batch, accumulation, path and resume",
          "[train][draws]") {
  const OneThread one_thread;
  for (const auto& estimator : registered_estimators()) {
    INFO(estimator.name);
    const PlanLog base = Run().plans(estimator.component);
    REQUIRE(base.size() == 2 * kRows);
    for (const auto& [text, plans] : base)
      CHECK(plans.size() == 2);  // one an epoch, for both models
    CHECK(plans_failure(base, Run().plans(estimator.component)) == "");
    CHECK(plans_failure(base, resumed_plans(estimator.component)) == "");

    Run single, whole, replayed;
    single.setup.optimizer.batch_size = 1;
    single.setup.optimizer.gradient_accumulation_steps =
        2;  // as many rows a step, in two micro-batches
    replayed.setup.path = GradientPath::replay;
    replayed.setup.engine.max_tokens_per_forward = 9;
    CHECK(plans_failure(base, single.plans(estimator.component)) == "");
    CHECK(plans_failure(base, replayed.plans(estimator.component)) == "");
    // The cost of `adaptive` follows the steps before, and other steps are other histories; where
    // it may not move, its plans do not either.
    const auto adaptation = estimator.component.adaptation();
    if (adaptation && adaptation->min != adaptation->max) continue;
    whole.setup.optimizer.batch_size = kRows;
    CHECK(plans_failure(base, whole.plans(estimator.component)) == "");
    Run permuted;
    std::rotate(permuted.setup.rows.begin(), permuted.setup.rows.begin() + 2,
                permuted.setup.rows.end());
    std::swap(permuted.setup.rows[0], permuted.setup.rows[3]);
    CHECK(plans_failure(base, permuted.plans(estimator.component)) == "");
  }
}

// promise 3
TEST_CASE("Draws: another seed, stage, epoch or row id draws another plan", "[train][draws]") {
  const OneThread one_thread;
  const MonteCarloElbo estimator({.draws = 4});
  const PlanLog base = Run().plans(estimator);
  Run seed, stage, ids;
  seed.setup.draws = Draws(12, "tuned");
  stage.setup.draws = Draws(11, "other");
  for (TrainingRow& row : ids.setup.rows) row.id += 100;
  for (const Run* other : {&seed, &stage, &ids})
    CHECK(plans_failure(base, other->plans(estimator)) != "");
  for (const auto& [text, plans] : base) CHECK(!identical_plans(plans[0], plans[1]));
}

TEST_CASE("Draws: chosen and rejected answers draw for themselves", "[train][draws]") {
  const OneThread one_thread;
  // Equal answers: only the answer's place in the row tells their plans apart.
  const MonteCarloElbo estimator({.draws = 4});
  Run run;
  for (TrainingRow& row : run.setup.rows) row.answers[1] = row.answers[0];
  for (const auto& [text, plans] : run.plans(estimator)) {
    REQUIRE(plans.size() == 4);
    for (const std::size_t epoch : {0, 1})
      CHECK(!identical_plans(plans[2 * epoch], plans[2 * epoch + 1]));
  }
}

namespace {

/// dpo, with the largest difference between the scores of policy and reference that it saw.
struct WatchingDpo {
  std::shared_ptr<double> largest = std::make_shared<double>(0.0);
  [[nodiscard]] ObjectiveNeeds needs() const { return Dpo({}).needs(); }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    const at::Tensor difference = (scores.policy - scores.reference).detach().abs().max();
    *largest = std::max(*largest, difference.item<double>());
    return Dpo({}).evaluate(scores);
  }
};

/// The first step of a run whose reference is the policy's start.
SharingWitness trainer_witness(bool shared_draws, const AnyScoreEstimator& estimator) {
  Run run;
  const auto policy = std::make_shared<WatchedDenoiser>(ToyTable(3, 4, 1), true);
  const auto reference = std::make_shared<WatchedDenoiser>(ToyTable(3, 4, 1), false);
  run.setup.policy = std::make_shared<AnyDenoiser>(policy);
  run.setup.reference = std::make_shared<AnyDenoiser>(reference);
  run.setup.shared_draws = shared_draws;
  run.setup.optimizer.epochs = 0;
  run.setup.optimizer.steps = 1;
  const WatchingDpo objective;
  Quiet quiet;
  ErasedTrainer(MaskedProcess(3, LinearSchedule()), estimator, objective, run.setup).run(quiet);
  return {policy->seen(), reference->seen(), *objective.largest};
}

/// Whether two texts of a row can get different plans at all.
bool has_draws(const Registered<AnyScoreEstimator>& estimator) {
  return estimator.type != "left_to_right" && estimator.type != "exact" &&
         estimator.type != "recorded_trajectory" &&
         !(estimator.type == "one_step" && estimator.name.find("prompt") == std::string::npos);
}

}  // namespace

// promise 3
TEST_CASE(
    "Draws: policy and reference read the same copies; the ablation does not, and is found "
    "out",
    "[train][draws]") {
  const OneThread one_thread;
  for (const auto& estimator : registered_estimators()) {
    INFO(estimator.name);
    CHECK(sharing_failure(trainer_witness(true, estimator.component)) == "");
    CHECK(sharing_failure(engine_witness(SharedDraws(), estimator.component)) == "");
    if (!has_draws(estimator)) continue;
    CHECK(sharing_failure(trainer_witness(false, estimator.component)) != "");
    CHECK(sharing_failure(engine_witness(UnsharedClaimedShared(), estimator.component)) != "");
  }
  // Unshared draws leave the policy's own plans where they were.
  const MonteCarloElbo estimator({.draws = 4});
  Run shared, unshared;
  unshared.setup.shared_draws = false;
  PlanLog both = unshared.plans(estimator);
  for (auto& [text, plans] : both) {
    REQUIRE(plans.size() == 4);  // policy, reference, in two epochs
    CHECK(!identical_plans(plans[0], plans[1]));
    plans = {plans[0], plans[2]};
  }
  CHECK(plans_failure(shared.plans(estimator), both) == "");
}
