// SPDX-License-Identifier: MIT
// The metric gradient_noise of a trainer against the gradients of its micro-batches one by one.
#include <cmath>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/one_thread.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE(
    "Trainer: gradient_noise is the variance of the micro-batches' gradients over the squared "
    "norm of their sum",
    "[train][score_metrics]") {
  const OneThread one_thread;
  struct Noise : TrainingObserver {
    std::vector<std::map<std::string, double>> lines;
    void on_log(std::int64_t, std::int64_t, const std::map<std::string, double>& metrics) override {
      lines.push_back(metrics);
    }
  };
  const auto train = [](std::vector<TrainingRow> rows, std::int64_t accumulation) {
    TrainingSetup setup;
    const auto policy = std::make_shared<TableDenoiser>(ToyTable(3, 4, 1));
    setup.policy = std::make_shared<AnyDenoiser>(policy);
    setup.rows = std::move(rows);
    setup.draws = Draws(11, "tuned");
    setup.path = GradientPath::linear;
    setup.optimizer.steps = 1;
    setup.optimizer.batch_size = 1;
    setup.optimizer.gradient_accumulation_steps = accumulation;
    Noise noise;
    Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>(
        MaskedProcess(3, LinearSchedule()), MonteCarloElbo({.draws = 2}), Sft({}), setup)
        .run(noise);
    return noise.lines.at(0);
  };
  const std::vector<TrainingRow> three{{0, {Text{{0}, {0, 1, 2}, -1}}},
                                       {7, {Text{{1}, {2, 2, 0}, -1}}},
                                       {3, {Text{{2}, {1, 0, 1}, -1}}}};
  // The three gradients by themselves: sft is -1/3 sum S / R, and R = 3.
  const EngineWorld world(1, 1);
  std::vector<at::Tensor> parts;
  for (const TrainingRow& row : three) {
    ScoreBatch batch;
    batch.plans = {MonteCarloElbo({.draws = 2})
                       .plan(row.answers[0], MaskedProcess(3, LinearSchedule()),
                             TextDraws(Draws(11, "tuned"), Purpose::noise, 0, row.id, 0))};
    parts.push_back(world.gradient(batch, Sft({}), GradientPath::linear).first / 3.0);
  }
  const at::Tensor sum = parts[0] + parts[1] + parts[2];
  double spread = 0;  // sum of squared distances to the mean micro-batch
  for (const at::Tensor& part : parts)
    spread += std::pow((part - sum / 3.0).norm().item<double>(), 2);
  const double variance_of_sum = 3 * spread / 2;
  const double expected = variance_of_sum / std::pow(sum.norm().item<double>(), 2);
  CHECK(expected > 0.1);
  CHECK(train(three, 3).at("gradient_noise") == Approx(expected).epsilon(1e-9));
  CHECK(!train(three, 1).contains("gradient_noise"));  // one micro-batch says nothing
}
