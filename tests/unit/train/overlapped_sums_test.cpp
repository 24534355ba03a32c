// SPDX-License-Identifier: MIT
// A step's gradients of several processes are summed while the rest is computed: when that begins,
// and that nothing else changes.
#include <ATen/ops/equal.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <chrono>
#include <thread>

#include "lldm/errors.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/processes.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// A model of two blocks of more than a bucket each.
std::shared_ptr<Transformer> wide_model() {
  const TransformerConfig config{.width = 512,
                                 .layers = 2,
                                 .heads = 4,
                                 .kv_heads = 4,
                                 .mlp_width = 1024,
                                 .vocabulary = 8,
                                 .logit_columns = 8,
                                 .max_length = 32};
  return make_transformer(config, {.head_std = 0.5}, Draws(1, "model"));
}

/// Calls `tell` behind the accumulation of a gradient, until it is gone.
class Told final : public torch::autograd::FunctionPostHook {
 public:
  explicit Told(std::function<void()> tell) : tell_(std::move(tell)) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    tell_();
    return outputs;
  }

 private:
  std::function<void()> tell_;
};

/// The accumulator lives as long as what is returned.
[[nodiscard]] std::shared_ptr<torch::autograd::Node> when_accumulated(const at::Tensor& value,
                                                                      std::function<void()> tell) {
  auto accumulator = torch::autograd::impl::grad_accumulator(value);
  accumulator->add_post_hook(std::make_unique<Told>(std::move(tell)));
  return accumulator;
}

/// A wide policy in the place of TrainWorld's, for texts by themselves.
struct WideWorld : TrainWorld {
  explicit WideWorld(std::int64_t rows, std::shared_ptr<ProcessGroup> group) : TrainWorld(2) {
    policy = wide_model();
    policy->set_trainable(true);
    setup.policy = std::make_shared<AnyDenoiser>(policy);
    setup.reference = nullptr;
    setup.rows = pairs(static_cast<std::uint64_t>(rows));
    for (TrainingRow& row : setup.rows) row.answers.resize(1);
    setup.path = GradientPath::linear;
    setup.optimizer.batch_size = 1;
    setup.optimizer.gradient_accumulation_steps = rows;
    setup.optimizer.epsilon = 1e-3;  // a gradient near zero has no step of a full rate
    setup.rhythm.logging_steps = 1;
    setup.group = std::move(group);
  }
  void run(TrainingObserver& observer) {
    Trainer<MaskedProcess, MonteCarloElbo, Sft>(lldm::testing::process(),
                                                MonteCarloElbo({.draws = 2}), Sft({}), setup)
        .run(observer);
  }
  [[nodiscard]] at::Tensor parameter(bool is_first) const {
    const auto parameters = policy->parameters();
    return (is_first ? parameters.front() : parameters.back()).value;
  }
};

constexpr double kRounding = 2e-5;

}  // namespace

TEST_CASE("Several processes: the head's gradient is the sum before the embedding's is there",
          "[train]") {
  std::vector<int> seen(2), passes(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    WideWorld world(4, group);  // two micro-batches each, the second one is the last
    world.setup.optimizer.steps = 1;
    const at::Tensor head = world.parameter(false), embedding = world.parameter(true);
    at::Tensor own;
    const auto at_head = when_accumulated(head, [&] { own = head.grad().clone(); });
    const auto at_embedding = when_accumulated(embedding, [&] {
      if (++passes[rank] != 2) return;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (at::equal(head.grad(), own) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      seen[rank] = !at::equal(head.grad(), own);
    });
    Recorder heard;
    world.run(heard);
  });
  for (const std::string& text : thrown) CHECK(text == "");
  CHECK(passes == std::vector<int>{2, 2});
  CHECK(seen == std::vector<int>{1, 1});
}

TEST_CASE("Several processes: sums beside the pass give the curve of one, whoever has no rows",
          "[train]") {
  for (const std::int64_t rows : {4, 3}) {  // of three rows in equal runs rank 0 of 4 has none
    INFO("rows: " << rows);
    Recorder alone;
    WideWorld single(rows, nullptr);
    single.run(alone);
    for (const int size : {2, 4}) {
      INFO("processes: " << size);
      std::vector<std::shared_ptr<Transformer>> policies(static_cast<std::size_t>(size));
      std::vector<Recorder> heard(static_cast<std::size_t>(size));
      const auto thrown = on_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
        const auto rank = static_cast<std::size_t>(group->rank());
        WideWorld world(rows, group);
        world.run(heard[rank]);
        policies[rank] = world.policy;
      });
      for (const std::string& text : thrown) REQUIRE(text == "");
      CHECK(largest_difference(*single.policy, *policies[0]) < kRounding);
      for (const auto& policy : policies) CHECK(bit_equal(*policies[0], *policy));
      REQUIRE(heard[0].metrics.size() == alone.metrics.size());
      for (std::size_t i = 0; i < alone.metrics.size(); ++i)
        for (const char* name : {"loss", "gradient_norm", "gradient_noise"})
          CHECK(heard[0].metrics[i].at(name) == Approx(alone.metrics[i].at(name)).epsilon(1e-4));
    }
  }
}

TEST_CASE("Several processes: one that fails amid its backward pass, when sums have begun",
          "[train]") {
  Recorder alone;
  WideWorld single(2, nullptr);
  single.run(alone);
  for (const bool may_retry : {true, false}) {
    std::vector<std::shared_ptr<Transformer>> policies(2);
    const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      WideWorld world(2, group);
      bool fails = rank == 1;
      const auto hook = when_accumulated(world.parameter(true), [&] {
        if (!std::exchange(fails, false)) return;
        if (may_retry) throw OutOfMemory("no room for 3 GiB");
        throw DataError("row 1 is empty");
      });
      policies[rank] = world.policy;
      Recorder heard;
      world.run(heard);
    });
    if (may_retry) {
      for (const std::string& text : thrown) REQUIRE(text == "");
      for (const auto& policy : policies)
        CHECK(largest_difference(*single.policy, *policy) < kRounding);
    } else {
      CHECK(thrown[1] == "row 1 is empty");
      CHECK_THAT(thrown[0], contains("rank 1 (host "));
      CHECK_THAT(thrown[0], contains("row 1 is empty"));
    }
  }
}
