// SPDX-License-Identifier: MIT
// How often a training step reads from its device: the scores of a micro-batch (of `pairwise`: of a
// pair) at once, and at its end all that it wants to know of its gradient at once.
#include "track/read_backs.hpp"

#include <ATen/ops/tensor.h>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// Read-backs of every step, and its metrics.
struct Counting : Recorder {
  ReadBackCount counted;
  std::int64_t before = 0;
  std::vector<std::int64_t> by_step;
  void on_log(std::int64_t step, std::int64_t total,
              const std::map<std::string, double>& line) override {
    by_step.push_back(counted.count() - before);
    before = counted.count();
    Recorder::on_log(step, total, line);
  }
};

/// Passes of at most 24 tokens: several to a micro-batch.
TrainWorld world_of(GradientPath path) {
  TrainWorld world(3);
  world.setup.path = path;
  world.setup.engine.max_tokens_per_forward = 24;
  world.setup.rhythm.logging_steps = 1;
  return world;
}

template <class O>
std::vector<std::int64_t> read_backs(const O& objective, const TrainingSetup& setup,
                                     bool has_noise = false) {
  Counting heard;
  Trainer<MaskedProcess, MonteCarloElbo, O>(process(), MonteCarloElbo({.draws = 4}), objective,
                                            setup)
      .run(heard);
  for (const auto& line : heard.metrics) {
    CHECK(line.at("gradient_norm") > 0);
    CHECK(line.contains("gradient_noise") == has_noise);
  }
  return heard.by_step;
}

std::vector<std::int64_t> three_times(std::int64_t count) { return {count, count, count}; }

}  // namespace

TEST_CASE("A step reads the scores of policy and reference at once, and its gradient's figures",
          "[train][read_backs]") {
  const Dpo dpo({.beta = 0.2});
  for (const GradientPath path : {GradientPath::retain, GradientPath::replay})
    CHECK(read_backs(dpo, world_of(path).setup) == three_times(2));
  // Four pairs, each by itself.
  CHECK(read_backs(dpo, world_of(GradientPath::pairwise).setup) == three_times(5));
}

TEST_CASE("The disagreement of micro-batches is read with the norm", "[train][read_backs]") {
  TrainWorld world = world_of(GradientPath::linear);
  for (TrainingRow& row : world.setup.rows) row.answers.resize(1);
  world.setup.optimizer.batch_size = 2;
  world.setup.optimizer.gradient_accumulation_steps = 3;
  CHECK(read_backs(Sft({}), world.setup, true) == three_times(3 + 1));
}

TEST_CASE("Of several processes each looks at its own gradient first", "[train][read_backs]") {
  std::vector<std::vector<std::int64_t>> counts(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    TrainWorld world = world_of(GradientPath::replay);
    world.setup.group = group;
    Counting heard;
    Trainer<MaskedProcess, MonteCarloElbo, Dpo>(process(), MonteCarloElbo({.draws = 4}),
                                                Dpo({.beta = 0.2}), world.setup)
        .run(heard);
    counts[static_cast<std::size_t>(group->rank())] = heard.by_step;
  });
  for (const std::string& text : thrown) REQUIRE(text == "");
  for (const auto& count : counts) CHECK(count == three_times(3));
}

TEST_CASE("read_back gives every number as float64; the innermost count counts",
          "[train][read_backs]") {
  const ReadBackCount outer;
  CHECK(read_back(std::vector<at::Tensor>{}).empty());
  CHECK(outer.count() == 0);
  const std::vector<at::Tensor> mixed{at::tensor(0.1F), at::tensor(0.1), at::tensor(3.0F)};
  {
    const ReadBackCount inner;
    CHECK(read_back(mixed) == std::vector<double>{static_cast<double>(0.1F), 0.1, 3});
    note_read_back();
    CHECK(inner.count() == 2);
  }
  CHECK(outer.count() == 0);
  CHECK(read_back(at::tensor({1.5F, -2.0F})).scalar_type() == at::kDouble);
  CHECK(outer.count() == 1);
}
