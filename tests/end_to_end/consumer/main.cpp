// SPDX-License-Identifier: MIT
// A program of another project that uses lldm without TOML: an estimator, an objective, five steps.
#include <cmath>
#include <iostream>
#include <lldm/estimator/monte_carlo_elbo.hpp>
#include <lldm/forward/masked.hpp>
#include <lldm/memory/manager.hpp>
#include <lldm/model/transformer.hpp>
#include <lldm/objective/dpo.hpp>
#include <lldm/schedule/linear.hpp>
#include <lldm/train/trainer.hpp>

namespace {

struct PrintLoss : lldm::TrainingObserver {
  double first = 0, last = 0;
  void on_log(std::int64_t step, std::int64_t total,
              const std::map<std::string, double>& metrics) override {
    last = metrics.at("loss");
    if (step == 1) first = last;
    std::cout << "step " << step << " of " << total << ": loss " << last << '\n';
  }
};

}  // namespace

int main() {
  lldm::MemoryManager memory;
  memory.install();
  constexpr std::int64_t kMask = 10;
  const auto policy = lldm::make_transformer({.width = 16,
                                              .layers = 1,
                                              .heads = 2,
                                              .kv_heads = 2,
                                              .mlp_width = 24,
                                              .vocabulary = 11,
                                              .logit_columns = 11,
                                              .max_length = 16},
                                             {}, lldm::Draws(42, "model"));

  lldm::TrainingSetup setup;
  setup.rows = {{0, {{{1, 2}, {3, 4, 5}}, {{1, 2}, {5, 5}}}},
                {1, {{{2, 1}, {4, 3}}, {{2, 1}, {3, 3, 9}}}}};
  setup.optimizer.learning_rate = 1e-2;
  setup.optimizer.steps = 5;
  setup.optimizer.batch_size = 2;
  setup.rhythm.logging_steps = 1;
  setup.draws = lldm::Draws(42, "tuned");
  lldm::Trainer trainer(lldm::MaskedProcess(kMask, lldm::LinearSchedule()),
                        lldm::MonteCarloElbo({.draws = 4}), lldm::Dpo({.beta = 0.5}), policy,
                        std::move(setup));
  PrintLoss observer;
  trainer.run(observer);
  std::cout << memory.report().text();
  const bool starts_at_log_2 = std::abs(observer.first - std::log(2.0)) < 1e-12;
  return starts_at_log_2 && observer.last < observer.first ? 0 : 1;
}
