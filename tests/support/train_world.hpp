// SPDX-License-Identifier: MIT
// A tiny llada with its reference, pairs to train on, and what a test wants to hear of a run.
#pragma once

#include <ATen/ops/equal.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm::testing {

inline constexpr std::int64_t kMask = 7;

inline std::shared_ptr<Transformer> tiny_model(std::uint64_t seed) {
  const TransformerConfig config{.width = 16,
                                 .layers = 2,
                                 .heads = 2,
                                 .kv_heads = 2,
                                 .mlp_width = 24,
                                 .vocabulary = 8,
                                 .logit_columns = 8,
                                 .max_length = 32};
  return make_transformer(config, {.head_std = 0.5}, Draws(seed, "model"));
}

inline std::vector<TrainingRow> pairs(std::uint64_t count, std::int64_t length = 0) {
  std::vector<TrainingRow> rows;
  Stream stream = Draws(5, "rows").stream(Purpose::data);
  const auto text = [&] {
    Text answer{{stream.below(7), stream.below(7)}, {}, -1};
    const std::int64_t size = length > 0 ? length : 3 + stream.below(6);
    for (std::int64_t i = 0; i < size; ++i) answer.response.push_back(stream.below(7));
    return answer;
  };
  for (std::uint64_t id = 0; id < count; ++id) rows.push_back({id, {text(), text()}});
  return rows;
}

/// A policy with its trainer's set-up; the reference is the policy's start.
struct TrainWorld {
  std::shared_ptr<Transformer> policy = tiny_model(1);
  TrainingSetup setup;

  explicit TrainWorld(std::int64_t steps = 5) {
    policy->set_trainable(true);
    setup.policy = std::make_shared<AnyDenoiser>(policy);
    setup.reference = std::make_shared<AnyDenoiser>(clone_frozen(*policy));
    setup.rows = pairs(10);
    setup.optimizer.learning_rate = 1e-3;
    setup.optimizer.steps = steps;
    setup.optimizer.batch_size = 4;
    setup.path = GradientPath::pairwise;
    setup.draws = Draws(11, "tuned");
  }
};

inline MaskedProcess process() { return {kMask, LinearSchedule()}; }

inline double largest_difference(const Transformer& a, const Transformer& b) {
  const auto left = a.parameters(), right = b.parameters();
  double largest = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    largest = std::max(
        largest, (left[i].value.detach() - right[i].value.detach()).abs().max().item<double>());
  return largest;
}

inline bool bit_equal(const Transformer& a, const Transformer& b) {
  const auto left = a.parameters(), right = b.parameters();
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!at::equal(left[i].value.detach(), right[i].value.detach())) return false;
  return true;
}

/// Remembers the metrics, and saves where it is told to.
struct Recorder : TrainingObserver {
  std::vector<std::pair<std::int64_t, double>> losses;
  std::vector<std::map<std::string, double>> metrics;  // of every line
  std::function<void(const TrainingProgress&, const Optimizer&)> save;
  std::int64_t stop_after = -1, seen = 0;

  void on_log(std::int64_t step, std::int64_t, const std::map<std::string, double>& line) override {
    losses.emplace_back(step, line.at("loss"));
    metrics.push_back(line);
  }
  void on_save(const TrainingProgress& progress, const Optimizer& optimizer) override {
    if (save) save(progress, optimizer);
  }
  bool should_stop() override { return ++seen == stop_after; }
};

}  // namespace lldm::testing
