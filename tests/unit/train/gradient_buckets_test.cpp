// SPDX-License-Identifier: MIT
// Sums over the processes begin while the backward pass goes on, of gradients that are final, in
// one order on all of them.
#include "train/gradient_buckets.hpp"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <limits>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "score/last_backward.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// What a test sees of the sums of one process.
struct Record {
  struct Sum {
    at::Tensor values, then;  // as they lie in the gradients, as they were when it began
    at::Tensor first_block;   // a gradient of it, as it was then
  };
  std::vector<Sum> begun;
  std::vector<at::Tensor> late;
  int waits = 0;
  bool takes = true;
};

class RecordedSums final : public GradientSums {
 public:
  RecordedSums(Record& record, at::Tensor first_block)
      : record_(record), first_block_(std::move(first_block)) {}
  bool begin(const at::Tensor& values) override {
    record_.begun.push_back({values, values.clone(), first_block_.grad().clone()});
    return record_.takes;
  }
  void wait() override { ++record_.waits; }
  void sum(const at::Tensor& values) override { record_.late.push_back(values); }

 private:
  Record& record_;
  at::Tensor first_block_;
};

constexpr std::int64_t kSmall = 2048;  // bytes: several buckets a block

/// A small policy, its engine, and one batch of three pairs.
struct WatchedWorld {
  std::shared_ptr<Transformer> policy, reference;
  Record record;
  ScoreBatch batch;
  StepTotals totals;
  std::vector<NamedParameter> parameters;
  std::unique_ptr<GradientBuckets> buckets;

  explicit WatchedWorld(const std::string& family = "llada", std::int64_t group_size = 1,
                        bool has_adapter = false)
      : policy(family_model(family, at::kFloat)), reference(clone_frozen(*policy)) {
    if (has_adapter) adapt(*policy);
    policy->set_trainable(true);
    batch = toy_batch(toy_texts(3, static_cast<std::size_t>(group_size)), group_size,
                      MonteCarloElbo({.draws = 4}));
    totals = totals_of(batch);
    for (const NamedParameter& parameter : policy->parameters())
      if (parameter.value.requires_grad()) parameters.push_back(parameter);
    for (const NamedParameter& parameter : parameters)
      at::Tensor(parameter.value).mutable_grad() = at::zeros_like(parameter.value);
  }
  /// Of a tensor of the first block, whose gradient is among the last.
  [[nodiscard]] at::Tensor first_block() const {
    for (const NamedParameter& parameter : parameters)
      if (parameter.name.find(".0.") != std::string::npos && parameter.value.dim() == 2)
        return parameter.value;
    throw Error("the model has no first block");
  }
  void make_buckets() {
    buckets = std::make_unique<GradientBuckets>(
        parameters, std::make_unique<RecordedSums>(record, first_block()), kSmall);
  }
  void step(const AnyObjective& objective, GradientPath path, std::int64_t most_tokens = 16384) {
    const ScoreEngine<Transformer> engine(policy, objective.needs().reference ? reference : nullptr,
                                          "cpu", EngineOptions{most_tokens});
    static_cast<void>(engine.step(batch, totals, objective.needs(), loss_of(objective), path));
  }
  void watched_step(const AnyObjective& objective, GradientPath path, std::int64_t most_tokens,
                    std::function<void()> before_followed = {}) {
    make_buckets();
    const LastBackward last([&] { buckets->watch(before_followed); });
    step(objective, path, most_tokens);
  }
  /// Whether a sum began when the pass had still to come to the first block.
  [[nodiscard]] bool is_before_first_block(const Record::Sum& sum) const {
    return !at::equal(sum.first_block, first_block().grad());
  }
  [[nodiscard]] std::int64_t numbers() const {
    std::int64_t count = 0;
    for (const NamedParameter& parameter : parameters) count += parameter.value.numel();
    return count;
  }
};

std::int64_t numbers_of(const Record& record) {
  std::int64_t count = 0;
  for (const Record::Sum& sum : record.begun) count += sum.values.numel();
  return count;
}

void require_final(const Record& record) {
  for (const Record::Sum& sum : record.begun) REQUIRE(at::equal(sum.values, sum.then));
}

std::vector<std::int64_t> sizes_of(const Record& record) {
  std::vector<std::int64_t> sizes;
  for (const Record::Sum& sum : record.begun) sizes.push_back(sum.values.numel());
  return sizes;
}

}  // namespace

TEST_CASE("Gradient buckets: sums of the last blocks begin before the first block's gradients",
          "[train][gradients]") {
  const auto path = GENERATE(GradientPath::linear, GradientPath::retain, GradientPath::replay);
  const std::int64_t most_tokens = GENERATE(16384, 16);  // all in one pass, and in several
  WatchedWorld world;
  world.step(Sft({}), path, most_tokens);  // a micro-batch before: nothing is final
  world.watched_step(Sft({}), path, most_tokens);
  REQUIRE(world.record.begun.size() > 4);
  CHECK(world.is_before_first_block(world.record.begun.front()));
  CHECK_FALSE(world.is_before_first_block(world.record.begun.back()));
  CHECK(numbers_of(world.record) == world.numbers());  // the first block and the embedding too
  require_final(world.record);
  CHECK(world.buckets->is_finite());
}

TEST_CASE("Gradient buckets: what begins is final for every family, and beside an adapter",
          "[train][gradients]") {
  for (const auto& family : family_names())
    for (const bool has_adapter : {false, true}) {
      INFO(family << (has_adapter ? ", adapter" : ""));
      WatchedWorld world(family, 1, has_adapter);
      world.watched_step(Sft({}), GradientPath::linear, 16384);
      CHECK(world.is_before_first_block(world.record.begun.front()));
      CHECK(numbers_of(world.record) == world.numbers());
      require_final(world.record);
    }
}

TEST_CASE("Gradient buckets: pairwise combines behind its passes, and its sums begin behind it",
          "[train][gradients]") {
  WatchedWorld world("llada", 2);
  world.watched_step(Dpo({.beta = 0.2}), GradientPath::pairwise, 16384);
  CHECK(world.record.begun.empty());
  world.buckets->begin_rest();
  CHECK(numbers_of(world.record) == world.numbers());
  require_final(world.record);
  WatchedWorld other("llada", 2);
  other.watched_step(Dpo({.beta = 0.2}), GradientPath::replay, 16384);
  REQUIRE(sizes_of(other.record) == sizes_of(world.record));
  for (std::size_t i = 0; i < other.record.begun.size(); ++i)
    CHECK(at::allclose(other.record.begun[i].then, world.record.begun[i].then, 1e-4, 1e-5));
}

TEST_CASE("Gradient buckets: a process without rows begins the same sums in the same order",
          "[train][gradients]") {
  WatchedWorld busy, idle;
  busy.watched_step(Sft({}), GradientPath::linear, 16384);
  busy.buckets->begin_rest();
  idle.make_buckets();
  idle.buckets->begin_rest();
  CHECK(sizes_of(idle.record) == sizes_of(busy.record));
  CHECK(idle.buckets->is_finite());
}

TEST_CASE("Gradient buckets: a process that fails in a backward pass waits for what it has begun",
          "[train][gradients]") {
  struct Failure final : torch::autograd::FunctionPostHook {
    torch::autograd::variable_list operator()(const torch::autograd::variable_list&,
                                              const torch::autograd::variable_list&) override {
      throw OutOfMemory("no room for 3 GiB");
    }
  };
  WatchedWorld failed;
  const auto accumulator = torch::autograd::impl::grad_accumulator(failed.first_block());
  accumulator->add_post_hook(std::make_unique<Failure>());
  CHECK_THROWS_AS(failed.watched_step(Sft({}), GradientPath::linear, 16384), OutOfMemory);
  CHECK_FALSE(failed.record.begun.empty());
  CHECK(numbers_of(failed.record) < failed.numbers());
  failed.buckets->abandon();  // the processes begin what is missing (ProcessGroup::agree)
  CHECK(failed.record.waits == 1);
}

TEST_CASE("Gradient buckets: what cannot be summed beside the pass is summed at the end, once",
          "[train][gradients]") {
  WatchedWorld world;
  world.record.takes = false;
  world.watched_step(Sft({}), GradientPath::linear, 16384);
  CHECK(world.record.late.empty());
  world.buckets->finish();
  CHECK(world.record.waits == 1);
  REQUIRE(world.record.late.size() == world.record.begun.size());
  for (std::size_t i = 0; i < world.record.late.size(); ++i)
    CHECK(world.record.late[i].data_ptr() == world.record.begun[i].values.data_ptr());
}

TEST_CASE("Gradient buckets: own gradients are looked at before the sums change them",
          "[train][gradients]") {
  WatchedWorld world;
  at::Tensor(world.first_block().grad()).view({-1})[0] = std::numeric_limits<double>::infinity();
  world.watched_step(Sft({}), GradientPath::linear, 16384);
  for (const Record::Sum& sum : world.record.begun) at::Tensor(sum.values).zero_();  // the others'
  CHECK_FALSE(world.buckets->is_finite());
}

TEST_CASE("Gradient buckets: the followed gradient is asked for before its sum begins",
          "[train][gradients]") {
  WatchedWorld world;
  at::Tensor held;
  std::size_t before = 0;
  const at::Tensor followed = followed_parameter(world.parameters).value;
  world.watched_step(Sft({}), GradientPath::linear, 16384, [&] {
    held = followed.grad().clone();
    before = world.record.begun.size();
  });
  REQUIRE(held.defined());
  CHECK(at::equal(held, followed.grad()));
  for (std::size_t i = 0; i < before; ++i)
    CHECK_FALSE(world.record.begun[i].values.is_alias_of(followed.grad()));
}

TEST_CASE("Gradient buckets: a gradient that grows after its sum has begun is an error",
          "[train][gradients]") {
  WatchedWorld world;
  world.make_buckets();
  world.buckets->watch({});
  world.step(Sft({}), GradientPath::linear);
  CHECK_THROWS_WITH(world.step(Sft({}), GradientPath::linear),
                    contains("grew after its sum over the processes had begun"));
}
