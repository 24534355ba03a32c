// SPDX-License-Identifier: MIT
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/schedule/linear.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("A model's own path shows no id without a token", "[score][path]") {
  const EngineWorld world(3, 4);
  const ToyTable& table = world.policy->table();
  const std::int64_t mask = table.mask_token();
  const Text text{{1}, {2, 0}, -1};
  const FullTrajectory estimator({.steps = 2, .path = TrajectoryPath::denoised});
  const MaskedProcess process(mask, LinearSchedule());
  const Draws draws(12, "test");
  const ScoreEngine<TableDenoiser> engine(world.policy, nullptr, "cpu",
                                          {.max_tokens_per_forward = 16384, .num_tokens = 1});
  int two_steps = 0;
  for (std::uint64_t row = 0; row < 40; ++row) {
    const ScorePlan plan =
        estimator.plan(text, process, TextDraws(draws, Purpose::noise, 0, row, 0));
    if (plan.copies() != 2 || plan.queries.size() != 2) continue;
    ++two_steps;
    const std::int64_t first = plan.queries[0].position, second = plan.queries[1].position;
    std::vector<std::int64_t> tokens{1, mask, mask};
    tokens[static_cast<std::size_t>(first)] = 0;  // the one id with a token
    const auto readouts = engine.readouts({&plan, 1}, false);
    CHECK(readouts[1] == Approx(table.log_probability(
                             tokens, second, text.response[static_cast<std::size_t>(second - 1)])));
  }
  CHECK(two_steps > 5);
}

TEST_CASE("A walked path reads its logits some rows at a time", "[score][path]") {
  constexpr std::int64_t kIds = 20'000, kResponse = 250, kTexts = 4;
  const TransformerConfig config{.width = 8,
                                 .layers = 1,
                                 .heads = 2,
                                 .kv_heads = 2,
                                 .mlp_width = 8,
                                 .vocabulary = kIds,
                                 .logit_columns = kIds,
                                 .max_length = 256};
  const auto model = make_transformer(config, {.head_std = 0.5}, Draws(1, "model"), at::kFloat);
  model->set_trainable(false);
  const FullTrajectory estimator({.steps = 2, .path = TrajectoryPath::denoised});
  const MaskedProcess process(kIds - 1, LinearSchedule());
  const Draws draws(12, "test");
  std::vector<ScorePlan> plans;
  for (std::uint64_t row = 0; row < kTexts; ++row) {
    const Text text{{1}, std::vector<std::int64_t>(kResponse, 7), -1};
    plans.push_back(estimator.plan(text, process, TextDraws(draws, Purpose::noise, 0, row, 0)));
    REQUIRE(plans.back().copies() == 2);
  }
  const ScoreEngine<Transformer> engine(model, nullptr, "cpu", {});
  MemoryManager manager;
  manager.install();
  const MemoryManager::Watch watch(manager);
  const auto together = engine.readouts(plans, false);
  // 16 MiB are 209 rows; the first copies have some 500 together.
  const std::int64_t bound = std::int64_t{2} * 209 * kIds * 4;
  CHECK(watch.peak_bytes(MemoryDevice::cpu, MemoryPurpose::logits) <= bound);
  CHECK(watch.growth_bytes(MemoryDevice::cpu) < bound + (std::int64_t{4} << 20));
  // Which rows are read at once changes no draw: a text by itself has as many as one chunk.
  std::vector<double> alone;
  for (const ScorePlan& plan : plans) {
    const auto own = engine.readouts({&plan, 1}, false);
    alone.insert(alone.end(), own.begin(), own.end());
  }
  CHECK(together == alone);
}
