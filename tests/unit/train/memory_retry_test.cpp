// SPDX-License-Identifier: MIT
// A step that does not fit into the budget is done once more with smaller passes, from the same
// draws.
#include "lldm/errors.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/trainer.hpp"
#include "model/head.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/processes.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// 16 copies of each answer, all graphs kept.
struct Wide : TrainWorld {
  explicit Wide(GradientPath path, std::int64_t tokens) : TrainWorld(4) {
    setup.path = path;
    setup.engine.max_tokens_per_forward = tokens;
    setup.rhythm.logging_steps = 1;
  }
  [[nodiscard]] Trainer<MaskedProcess, MonteCarloElbo, Dpo> trainer() const {
    return {process(), MonteCarloElbo({.draws = 16}), Dpo({.beta = 0.2}), setup};
  }
};

struct Heard : Recorder {
  std::vector<MemoryRetries> retries;
  std::vector<std::string> reasons, given;
  std::function<void()> lifts = {};  // what was in the way
  void on_retry(std::int64_t, const MemoryRetries& memory, const std::string& reason) override {
    retries.push_back(memory);
    reasons.push_back(reason);
    if (lifts) lifts();
  }
  void on_reclaim(std::int64_t, std::string_view what, std::int64_t bytes) override {
    CHECK(bytes > 0);
    given.emplace_back(what);
  }
};

/// What a run needs above its start, and what it heard.
std::int64_t growth_of(const MemoryManager& memory, GradientPath path, std::int64_t tokens,
                       Heard& heard) {
  const Wide world(path, tokens);
  auto trainer = world.trainer();
  const MemoryManager::Watch watch(memory);
  trainer.run(heard);
  return watch.growth_bytes(MemoryDevice::cpu);
}

std::int64_t live(const MemoryManager& memory) {
  return memory.report().find(MemoryDevice::cpu)->total.current_bytes;
}

}  // namespace

TEST_CASE("Trainer: a step over the budget is done again with half the tokens, the same loss",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  Heard wide, narrow;
  const std::int64_t needs = growth_of(memory, GradientPath::retain, 4096, wide);
  const std::int64_t least = growth_of(memory, GradientPath::replay, 256, narrow);
  REQUIRE(least < needs / 2);
  const Wide world(GradientPath::retain, 4096);
  auto trainer = world.trainer();
  memory.set_budget(MemoryDevice::cpu, {live(memory) + (least + needs) / 2});
  Heard heard;
  trainer.run(heard);
  memory.set_budget(MemoryDevice::cpu, {0});
  // Once: the steps behind it keep what it found.
  REQUIRE(heard.retries.size() == 1);
  CHECK(heard.retries.front().count == 1);
  CHECK(heard.retries.front().max_tokens_per_forward < 2048);
  CHECK(heard.reasons.front().find("out of cpu memory") != std::string::npos);
  REQUIRE(heard.losses.size() == wide.losses.size());
  for (std::size_t i = 0; i < heard.losses.size(); ++i) {
    INFO("step " << i);
    CHECK(std::abs(heard.losses[i].second - wide.losses[i].second) < 1e-5);
    CHECK(heard.metrics[i].at("memory/retries") == 1);
  }
  CHECK(!wide.metrics.front().contains("memory/retries"));
}

TEST_CASE("Trainer: what does not fit at the second try either is refused, and nothing is updated",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  const Wide world(GradientPath::retain, 4096);
  const auto start = clone_frozen(*world.policy);
  auto trainer = world.trainer();
  memory.set_budget(MemoryDevice::cpu, {live(memory) + 4096});
  Heard heard;
  CHECK_THROWS_AS(trainer.run(heard), OutOfMemory);
  memory.set_budget(MemoryDevice::cpu, {0});
  CHECK(heard.retries.size() == 1);
  CHECK(heard.losses.empty());
  CHECK(bit_equal(*world.policy, *start));
}

TEST_CASE("Trainer: a passed soft budget halves the logits at once; losses stay",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  // 4 pairs of 16 copies with 3 to 8 queries: some 500 rows of logits a pass.
  const auto run = [&](std::int64_t budget, Heard& heard) {
    const Wide world(GradientPath::replay, 4096);
    auto trainer = world.trainer();
    memory.set_budget(MemoryDevice::cpu, MemoryPurpose::logits, {budget});
    trainer.run(heard);
    memory.set_budget(MemoryDevice::cpu, MemoryPurpose::logits, {0});
  };
  Heard free, tight;
  run(0, free);
  CHECK(free.given.empty());
  run(1024, tight);
  REQUIRE(!tight.given.empty());
  CHECK(tight.given.front() == "logits_chunk");
  CHECK(head_chunks().halvings == 0);  // put back where the run ends
  REQUIRE(tight.losses.size() == free.losses.size());
  for (std::size_t i = 0; i < tight.losses.size(); ++i)
    CHECK(std::abs(tight.losses[i].second - free.losses[i].second) < 1e-5);
  const DeviceMemory use = *memory.report().find(MemoryDevice::cpu);
  CHECK(use.times_passed[static_cast<std::size_t>(MemoryPurpose::logits)] > 0);
}

TEST_CASE("Trainer: a step and a validation pass book nothing outside every scope",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  for (const GradientPath path :
       {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    Wide world(path, 256);
    world.setup.validation = world.setup.rows;
    auto trainer = world.trainer();
    const MemoryManager::Watch watch(memory);
    const std::int64_t before = watch.peak_bytes(MemoryDevice::cpu, MemoryPurpose::unscoped);
    Recorder heard;
    trainer.run(heard);
    CHECK(watch.peak_bytes(MemoryDevice::cpu, MemoryPurpose::unscoped) == before);
    CHECK(watch.peak_bytes(MemoryDevice::cpu, MemoryPurpose::workspace) > 0);
  }
}

TEST_CASE(
    "Trainer: a step that one of two processes does again is counted by both, with its passes",
    "[train][memory]") {
  MemoryManager memory;
  memory.install();
  const auto one_pair = [](Wide& world) {
    world.setup.optimizer.batch_size = 1;  // the first of two processes has no row
    world.setup.optimizer.steps = 2;
  };
  const auto growth = [&](GradientPath path, std::int64_t tokens) {
    Wide world(path, tokens);
    one_pair(world);
    auto trainer = world.trainer();
    Heard heard;
    const MemoryManager::Watch watch(memory);
    trainer.run(heard);
    return watch.growth_bytes(MemoryDevice::cpu);
  };
  const std::int64_t needs = growth(GradientPath::retain, 4096),
                     least = growth(GradientPath::replay, 64);
  REQUIRE(least < needs / 2);
  std::vector<Heard> heard(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    Wide world(GradientPath::retain, 4096);
    one_pair(world);
    world.setup.group = group;
    auto trainer = world.trainer();
    static_cast<void>(group->gather(""));  // both hold what they begin with
    static_cast<void>(group->agree([&] {
      if (group->is_first())
        memory.set_budget(MemoryDevice::cpu, {live(memory) + (least + needs) / 2});
      return std::string();
    }));
    trainer.run(heard[static_cast<std::size_t>(group->rank())]);
  });
  memory.set_budget(MemoryDevice::cpu, {0});
  for (const std::string& text : thrown) CHECK(text.empty());
  for (const Heard& one : heard) {
    REQUIRE(one.retries.size() == 1);
    CHECK(one.retries.front().count == 1);
    CHECK(one.retries.front().max_tokens_per_forward > 0);
    CHECK(one.retries.front().max_tokens_per_forward ==
          heard.front().retries.front().max_tokens_per_forward);
  }
}

TEST_CASE("Trainer: memory that is short on one process while sums are made is a common retry",
          "[train][memory]") {
  MemoryManager memory;
  memory.install();
  const auto run = [&](bool is_short) {
    std::vector<Heard> heard(2);
    for (Heard& one : heard) one.lifts = [&] { memory.set_budget(MemoryDevice::cpu, {0}); };
    const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
      Wide world(GradientPath::retain, 4096);
      world.setup.optimizer.batch_size = 2;  // 6 pairs: the second of 3 micro-batches is cut
      world.setup.optimizer.gradient_accumulation_steps = 3;
      world.setup.optimizer.steps = 2;
      world.setup.group = group;
      bool is_first = is_short && group->is_first();
      world.setup.on_passes = [&](std::optional<std::int64_t> step) {
        if (step || !is_first) return;
        is_first = false;
        memory.set_budget(MemoryDevice::cpu, {1});  // behind the passes: not one allocation
      };
      auto trainer = world.trainer();
      trainer.run(heard[static_cast<std::size_t>(group->rank())]);
    });
    for (const std::string& text : thrown) CHECK(text == "");
    return heard;
  };
  const std::vector<Heard> free = run(false), again = run(true);
  for (const Heard& one : free) CHECK(one.retries.empty());
  for (const Heard& one : again) {
    REQUIRE(one.retries.size() == 1);
    CHECK(one.retries.front().count == 1);
    CHECK(one.reasons.front().find("out of cpu memory") != std::string::npos);
  }
  REQUIRE(again.front().losses.size() == free.front().losses.size());
  for (std::size_t i = 0; i < free.front().losses.size(); ++i)
    CHECK(std::abs(again.front().losses[i].second - free.front().losses[i].second) < 1e-5);
}

TEST_CASE("Trainer: a resumed run keeps the smaller passes", "[train][memory]") {
  const TemporaryFolder folder;
  Wide whole(GradientPath::replay, 256), resumed(GradientPath::retain, 4096);
  Recorder of_whole, of_resumed;
  auto trainer = whole.trainer();
  trainer.run(of_whole);
  const MemoryRetries memory{2, 256, 1};
  save_checkpoint(folder.path(), {.step = 0, .identity = "w", .tokenizer = "t", .memory = memory},
                  resumed.policy->parameters(), resumed.trainer().optimizer(), 1);
  auto again = resumed.trainer();
  const CheckpointState state = load_checkpoint(folder.path() / "step-00000000", "w", "t",
                                                resumed.policy->parameters(), again.optimizer());
  CHECK(state.memory.count == 2);
  CHECK(state.memory.max_tokens_per_forward == 256);
  CHECK(state.memory.head_halvings == 1);
  again.run(of_resumed, {.step = 0, .since = {}, .memory = state.memory});
  CHECK(of_whole.losses == of_resumed.losses);
  CHECK(bit_equal(*whole.policy, *resumed.policy));
}

TEST_CASE("Trainer: the copies of a pass change no score", "[train][memory]") {
  std::vector<std::vector<std::pair<std::int64_t, double>>> losses;
  for (const std::int64_t copies : {1, 4, 16}) {
    Wide world(GradientPath::pairwise, 4096);
    world.setup.optimizer.steps = 1;  // gradients differ in last bits, as sums do
    world.setup.engine.pairwise_copies = copies;
    Recorder heard;
    auto trainer = world.trainer();
    trainer.run(heard);
    losses.push_back(heard.losses);
  }
  CHECK(losses[0] == losses[1]);
  CHECK(losses[1] == losses[2]);
}
