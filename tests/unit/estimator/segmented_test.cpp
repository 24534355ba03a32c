// SPDX-License-Identifier: MIT
#include "lldm/estimator/segmented.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Segmented declares its target, its cost and what it reads", "[estimator][segmented]") {
  const Segmented estimator({.steps = 16, .segments = 4, .steps_per_segment = 2, .replicates = 3});
  CHECK(estimator.target(9).name == "trajectory_elbo(16, uniform_time)");
  CHECK(estimator.target(9).is_unbiased);
  CHECK(estimator.nominal_copies(9) == 24);
  CHECK(estimator.reads_schedule());
  CHECK(!Segmented({.grid = TrajectoryGrid::uniform_alpha}).reads_schedule());
}

TEST_CASE("Segmented refuses options that do not fit, with the legal ones",
          "[estimator][segmented]") {
  CHECK_THROWS_WITH(Segmented({.steps = 4, .segments = 5}),
                    "[score_estimator] segmented: segments = 5 is more than steps = 4\n"
                    "  legal: 1 to 4");
  CHECK_THROWS_WITH(Segmented({.steps = 7, .segments = 3, .steps_per_segment = 3}),
                    "[score_estimator] segmented: steps_per_segment = 3 is more than the shortest "
                    "segment\n  legal: 1 to 2 (floor of steps / segments)");
}

TEST_CASE("Segmented evaluates at most its nominal copies", "[estimator][segmented]") {
  const World world = make_world(5);
  const Draws draws(8, "unit");
  for (std::uint64_t row = 0; row < 100; ++row) {
    const ScorePlan plan = Segmented({.steps = 9,
                                      .segments = 3,
                                      .steps_per_segment = 2,
                                      .reveal = TrajectoryReveal::expected})
                               .plan(world.text, world.process, draws_of(draws, row));
    CHECK(plan.nominal_copies == 6);
    CHECK(plan.copies() <= 6);
    for (std::int64_t c = 1; c < plan.copies(); ++c)  // from the noisiest state down
      CHECK((subset_of(world, plan, c) & ~subset_of(world, plan, c - 1)) == 0);
  }
}
