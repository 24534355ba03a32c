// SPDX-License-Identifier: MIT
// An estimator of adaptive cost inside a training run.
#include "lldm/estimator/adaptive.hpp"

#include <cmath>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/train/checkpoint.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

using AdaptiveTrainer = Trainer<MaskedProcess, Adaptive, Dpo>;
using ErasedTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

Adaptive estimator(double standard_error) {
  return Adaptive({.min = 2, .max = 6, .standard_error = standard_error, .smoothing = 0.5},
                  MonteCarloElbo({.draws = 1}));
}

AdaptiveTrainer trainer(const TrainingSetup& setup, double standard_error) {
  return {process(), estimator(standard_error), Dpo({.beta = 0.2}), setup};
}

std::vector<double> evaluations(const Recorder& recorder) {
  std::vector<double> counts;
  for (const auto& line : recorder.metrics) counts.push_back(line.at("score/evaluations"));
  return counts;
}

}  // namespace

TEST_CASE("adaptive: the first step takes min, later ones what the noise before them asks for",
          "[train]") {
  TrainWorld noisy(8), calm(8);
  // Shared draws of equal models cancel: only a reference of its own makes the margins noisy.
  const auto other = tiny_model(2);
  other->set_trainable(false);
  noisy.setup.reference = calm.setup.reference = std::make_shared<AnyDenoiser>(other);
  noisy.setup.rhythm.logging_steps = calm.setup.rhythm.logging_steps = 1;
  Recorder of_noisy, of_calm;
  trainer(noisy.setup, 1e-3).run(of_noisy);
  trainer(calm.setup, 1e3).run(of_calm);
  CHECK(evaluations(of_noisy) == std::vector<double>{2, 6, 6, 6, 6, 6, 6, 6});
  CHECK(evaluations(of_calm) == std::vector<double>(8, 2));
  // 4 pairs, 2 answers, one copy per evaluation.
  CHECK(of_noisy.metrics[0].at("forward_passes") == 16);
  CHECK(of_noisy.metrics[1].at("forward_passes") == 48);
}

TEST_CASE("adaptive: the count follows the rule on the logged standard errors", "[train]") {
  TrainWorld world(6);
  const auto other = tiny_model(2);
  other->set_trainable(false);
  world.setup.reference = std::make_shared<AnyDenoiser>(other);
  world.setup.rhythm.logging_steps = 1;
  world.setup.optimizer.batch_size = 1;  // one margin a step: its error is the logged one
  Recorder recorder;
  trainer(world.setup, 0.8).run(recorder);
  AdaptationState state{.evaluations = 2};
  bool has_moved = false;
  for (const auto& line : recorder.metrics) {
    CHECK(line.at("score/evaluations") == static_cast<double>(state.evaluations));
    has_moved = has_moved || state.evaluations != 2;
    state = next_evaluations(estimator(0.8).adaptation(), state,
                             std::pow(line.at("margin/standard_error"), 2));
  }
  CHECK(has_moved);
}

// promise 2
TEST_CASE("adaptive: a resumed run adapts as the straight one; erased gives the same bits",
          "[train]") {
  const TemporaryFolder folder;
  const auto other = tiny_model(2);
  other->set_trainable(false);
  TrainWorld straight(8), broken(8), resumed(8), erased(8);
  for (TrainWorld* world : {&straight, &broken, &resumed, &erased}) {
    world->setup.reference = std::make_shared<AnyDenoiser>(other);
    world->setup.rhythm.logging_steps = 1;
  }
  Recorder whole, saver, again, of_erased;
  trainer(straight.setup, 0.8).run(whole);
  ErasedTrainer(AnyForwardProcess(process()), AnyScoreEstimator(estimator(0.8)),
                AnyObjective(Dpo({.beta = 0.2})), erased.setup)
      .run(of_erased);
  CHECK(bit_equal(*straight.policy, *erased.policy));
  saver.stop_after = 3;
  saver.save = [&](const TrainingProgress& progress, const Optimizer& optimizer) {
    save_checkpoint(folder.path(),
                    {.step = progress.step,
                     .since = progress.since,
                     .identity = "work",
                     .tokenizer = "words",
                     .adaptation = progress.adaptation},
                    broken.policy->parameters(), optimizer, 2);
  };
  auto first = trainer(broken.setup, 0.8);
  CHECK_THROWS_AS(first.run(saver), Stopped);
  auto second = trainer(resumed.setup, 0.8);
  const CheckpointState state = load_checkpoint(folder.path() / "step-00000003", "work", "words",
                                                resumed.policy->parameters(), second.optimizer());
  CHECK(state.adaptation.evaluations > 2);
  second.run(again, {state.step, state.since, state.adaptation});
  CHECK(bit_equal(*resumed.policy, *straight.policy));
  const auto all = evaluations(whole);
  CHECK(evaluations(again) == std::vector<double>(all.begin() + 3, all.end()));
}
