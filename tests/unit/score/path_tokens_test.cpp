// SPDX-License-Identifier: MIT
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/forward/masked.hpp"
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
