// SPDX-License-Identifier: MIT
// A training run shared by processes is that of one: same plans, same curve, same bits where the
// order of the sums is fixed.
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/kto.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/processes.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

using Metrics = std::map<std::string, double>;

/// What a run left: every line of metrics, the last validation, the weights.
struct Outcome {
  std::vector<Metrics> lines;
  Metrics validation;
  std::shared_ptr<Transformer> policy;
};

struct Listener : Recorder {
  Metrics validation;
  void on_validation(std::int64_t, const Metrics& metrics) override { validation = metrics; }
};

using Change = std::function<void(TrainingSetup&)>;

template <class O>
Outcome trained(const O& objective, const Change& change, std::shared_ptr<ProcessGroup> group) {
  TrainWorld world(4);
  world.setup.rhythm.logging_steps = 1;
  world.setup.validation = pairs(5);
  world.setup.path = GradientPath::replay;
  change(world.setup);
  world.setup.group = std::move(group);
  Listener heard;
  Trainer<MaskedProcess, MonteCarloElbo, O>(process(), MonteCarloElbo({.draws = 2}), objective,
                                            world.setup)
      .run(heard);
  return {heard.metrics, heard.validation, world.policy};
}

/// Of every rank.
template <class O>
std::vector<Outcome> trained_on(int size, const O& objective, const Change& change) {
  std::vector<Outcome> outcomes(static_cast<std::size_t>(size));
  const auto thrown = on_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
    outcomes[static_cast<std::size_t>(group->rank())] = trained(objective, change, group);
  });
  for (const std::string& text : thrown) REQUIRE(text == "");
  return outcomes;
}

bool is_timing(const std::string& name) { return name.find("second") != std::string::npos; }

/// A statistic over the rows of a micro-batch: another one where that is cut.
bool is_of_parts(const std::string& name) { return name == "score/policy_reference_correlation"; }

enum class MicroBatches : std::uint8_t { whole, cut };

/// Names, and values to within `tolerance` of their size.
void require_same(const Metrics& a, const Metrics& b, double tolerance, MicroBatches parts) {
  for (const auto& [name, value] : a) {
    if (is_timing(name) || (parts == MicroBatches::cut && is_of_parts(name))) continue;
    INFO(name);
    REQUIRE(b.contains(name));
    if (tolerance == 0)
      CHECK(b.at(name) == value);
    else
      CHECK(std::abs(b.at(name) - value) <= tolerance * (1 + std::abs(value)));
  }
  for (const auto& [name, value] : b) CHECK((a.contains(name) || parts == MicroBatches::cut));
}

void require_same(const Outcome& a, const Outcome& b, double tolerance, MicroBatches parts) {
  REQUIRE(a.lines.size() == b.lines.size());
  for (std::size_t i = 0; i < a.lines.size(); ++i)
    require_same(a.lines[i], b.lines[i], tolerance, parts);
  require_same(a.validation, b.validation, tolerance, parts);
  if (tolerance == 0)
    CHECK(bit_equal(*a.policy, *b.policy));
  else
    CHECK(largest_difference(*a.policy, *b.policy) < tolerance);
}

template <class O>
void require_shared_run_equal(const O& objective, const Change& change, double tolerance,
                              MicroBatches parts) {
  const Outcome alone = trained(objective, change, nullptr);
  for (const int size : {2, 4}) {
    INFO("processes: " << size);
    const std::vector<Outcome> shared = trained_on(size, objective, change);
    require_same(alone, shared.front(), tolerance, parts);
    for (const Outcome& other : shared) CHECK(bit_equal(*other.policy, *shared.front().policy));
  }
}

constexpr double kRounding = 2e-5;  // float32 gradients through four updates of AdamW

void micro_batches(TrainingSetup& setup) {  // 4 of 1 pair
  setup.optimizer.batch_size = 1;
  setup.optimizer.gradient_accumulation_steps = 4;
}

}  // namespace

TEST_CASE("Several processes: pairs cut out of one micro-batch give the curve of one process",
          "[train]") {
  require_shared_run_equal(Dpo({.beta = 0.2}), [](TrainingSetup&) {}, kRounding, MicroBatches::cut);
}

TEST_CASE("Several processes: whole micro-batches give the curve of one process", "[train]") {
  require_shared_run_equal(Dpo({.beta = 0.2}), micro_batches, kRounding, MicroBatches::whole);
}

TEST_CASE("Several processes: micro-batches that are cut disagree as much as whole ones",
          "[train]") {
  const auto cut = [](TrainingSetup& setup) {  // 6 pairs: rank 1 of 2 begins in the second of 3
    setup.optimizer.batch_size = 2;
    setup.optimizer.gradient_accumulation_steps = 3;
  };
  const Outcome alone = trained(Dpo({.beta = 0.2}), cut, nullptr);
  for (const Metrics& line : alone.lines) REQUIRE(line.at("gradient_noise") > 0);
  require_shared_run_equal(Dpo({.beta = 0.2}), cut, kRounding, MicroBatches::cut);
}

TEST_CASE("Several processes: a fixed order of the sums gives the bits of one process", "[train]") {
  const auto ordered = [](TrainingSetup& setup) {
    micro_batches(setup);
    setup.reduction = Reduction::ordered;
  };
  require_shared_run_equal(Dpo({.beta = 0.2}), ordered, 0, MicroBatches::whole);
}

TEST_CASE("Several processes: the pairwise path adds up as the others do", "[train]") {
  require_shared_run_equal(
      Dpo({.beta = 0.2}), [](TrainingSetup& setup) { setup.path = GradientPath::pairwise; },
      kRounding, MicroBatches::cut);
}

TEST_CASE("Several processes: a loss that couples all rows sees the scores of all", "[train]") {
  // KTO's baseline is a mean over the whole step.
  const auto labelled = [](TrainingSetup& setup) {
    for (TrainingRow& row : setup.rows) {
      row.answers.resize(1);
      row.wanted = row.id % 3 != 0;
    }
    setup.validation = setup.rows;
    setup.optimizer.batch_size = 3;
    setup.optimizer.gradient_accumulation_steps = 2;
  };
  require_shared_run_equal(Kto({.beta = 0.3}), labelled, kRounding, MicroBatches::cut);
}

TEST_CASE("Several processes: a loss that divides by its micro-batch keeps it whole", "[train]") {
  const auto single = [](TrainingSetup& setup) {
    for (TrainingRow& row : setup.rows) row.answers.resize(1);
    setup.validation.clear();
    setup.path = GradientPath::linear;
    setup.optimizer.batch_size = 3;
    setup.optimizer.gradient_accumulation_steps = 2;
  };
  require_shared_run_equal(Sft({.llada_parity = true}), single, kRounding, MicroBatches::whole);
  require_shared_run_equal(Sft({}), single, kRounding, MicroBatches::cut);
}

namespace {

/// A loss that is no number for one row of the epoch, by its length.
struct Poisoned {
  std::int64_t row_length;
  [[nodiscard]] static ObjectiveNeeds needs() { return Dpo({.beta = 0.2}).needs(); }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    ObjectiveResult result = Dpo({.beta = 0.2}).evaluate(scores);
    const at::Tensor flat = scores.lengths.contiguous().view({-1});
    for (std::int64_t i = 0; i < flat.numel(); ++i)
      if (flat[i].item<double>() == static_cast<double>(row_length))
        result.loss_sum = result.loss_sum * std::numeric_limits<double>::quiet_NaN();
    return result;
  }
};

}  // namespace

TEST_CASE("Several processes: what is no number on one is refused by all, before any update",
          "[train]") {
  constexpr std::int64_t kOdd = 9;
  const auto marked = [&](TrainingSetup& setup) {
    setup.validation.clear();
    setup.rows = pairs(4, 5);
    setup.rows[2].answers[0].response.assign(kOdd, 1);
  };
  std::vector<bool> is_unchanged(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    TrainWorld world(4);
    marked(world.setup);
    world.setup.path = GradientPath::replay;
    world.setup.group = group;
    const auto start = clone_frozen(*world.policy);
    Trainer<MaskedProcess, MonteCarloElbo, Poisoned> trainer(
        process(), MonteCarloElbo({.draws = 2}), Poisoned{kOdd}, world.setup);
    Recorder heard;
    try {
      trainer.run(heard);
    } catch (const Error&) {
      is_unchanged[static_cast<std::size_t>(group->rank())] = bit_equal(*start, *world.policy);
      throw;
    }
  });
  CHECK(is_unchanged[0]);
  CHECK(is_unchanged[1]);
  const std::size_t culprit = thrown[0].starts_with("rank 1") ? 1 : 0;
  INFO(thrown[0] << "\n" << thrown[1]);
  CHECK_THAT(thrown[culprit], contains("row 2"));
  CHECK_THAT(thrown[1 - culprit], contains("rank " + std::to_string(culprit) + " (host "));
  CHECK_THAT(thrown[1 - culprit], contains("row 2"));
}

namespace {

/// Does not fit, once.
struct Scarce {
  std::shared_ptr<bool> is_short;
  [[nodiscard]] static ObjectiveNeeds needs() { return Dpo({.beta = 0.2}).needs(); }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    if (std::exchange(*is_short, false)) throw OutOfMemory("no room for 3 GiB");
    return Dpo({.beta = 0.2}).evaluate(scores);
  }
};

struct RetryListener : Recorder {
  std::vector<std::int64_t> retried;
  void on_retry(std::int64_t step, const MemoryRetries&, const std::string&) override {
    retried.push_back(step);
  }
};

}  // namespace

TEST_CASE("Several processes: a step that does not fit on one is done again by all", "[train]") {
  const Outcome alone =
      trained(Dpo({.beta = 0.2}), [](TrainingSetup& setup) { setup.validation.clear(); }, nullptr);
  for (const Reduction reduction : {Reduction::fast, Reduction::ordered}) {
    std::vector<std::vector<std::int64_t>> retried(2);
    std::vector<std::shared_ptr<Transformer>> policies(2);
    const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      TrainWorld world(4);
      if (reduction == Reduction::ordered) world.setup.optimizer.gradient_accumulation_steps = 2;
      if (reduction == Reduction::ordered) world.setup.optimizer.batch_size = 2;
      world.setup.path = GradientPath::replay;
      world.setup.reduction = reduction;
      world.setup.group = group;
      RetryListener heard;
      Trainer<MaskedProcess, MonteCarloElbo, Scarce>(process(), MonteCarloElbo({.draws = 2}),
                                                     Scarce{std::make_shared<bool>(rank == 1)},
                                                     world.setup)
          .run(heard);
      retried[rank] = heard.retried;
      policies[rank] = world.policy;
    });
    for (const std::string& text : thrown) REQUIRE(text == "");
    for (const auto& steps : retried) CHECK(steps == std::vector<std::int64_t>{0});
    for (const auto& policy : policies)
      CHECK(largest_difference(*alone.policy, *policy) < kRounding);
  }
}

TEST_CASE("Several processes: one that is asked to stop stops all behind the same step",
          "[train]") {
  std::vector<std::int64_t> saved(2, -1);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    TrainWorld world(6);
    world.setup.group = group;
    Recorder heard;
    if (group->rank() == 1) heard.stop_after = 3;
    heard.save = [&](const TrainingProgress& progress, const Optimizer&) {
      saved[static_cast<std::size_t>(group->rank())] = progress.step;
    };
    Trainer<MaskedProcess, MonteCarloElbo, Dpo>(process(), MonteCarloElbo({.draws = 2}),
                                                Dpo({.beta = 0.2}), world.setup)
        .run(heard);
  });
  CHECK(saved == std::vector<std::int64_t>{3, 3});
  for (const std::string& text : thrown) CHECK_THAT(text, contains("stopped on request"));
}

TEST_CASE("Several processes: one that fails between two steps ends the others, and all go on",
          "[train]") {
  struct Failing : Listener {
    bool fails = false;
    void on_log(std::int64_t step, std::int64_t steps, const Metrics& metrics) override {
      Listener::on_log(step, steps, metrics);
      if (fails && step == 2) throw DataError("no space is left");
    }
  };
  std::vector<std::string> heard(2);
  std::vector<std::size_t> lines(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    for (const bool fails : {true, false}) {  // as cells of a grid
      group->begin_work();
      TrainWorld world(4);
      world.setup.rhythm.logging_steps = 1;
      world.setup.path = GradientPath::replay;
      world.setup.group = group;
      Failing observer;
      observer.fails = fails && group->is_first();
      try {
        Trainer<MaskedProcess, MonteCarloElbo, Dpo>(process(), MonteCarloElbo({.draws = 2}),
                                                    Dpo({.beta = 0.2}), world.setup)
            .run(observer);
        lines[rank] = observer.metrics.size();
      } catch (const DataError& error) {
        group->tell_failure();
        heard[rank] = error.what();
      }
    }
  });
  for (const std::string& text : thrown) CHECK(text == "");
  for (const std::string& text : heard) CHECK(text.find("no space is left") != std::string::npos);
  CHECK(lines[0] == 4);
}
