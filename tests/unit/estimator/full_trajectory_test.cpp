// SPDX-License-Identifier: MIT
#include "lldm/estimator/full_trajectory.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("FullTrajectory declares its target, its cost and what it reads",
          "[estimator][full_trajectory]") {
  const FullTrajectory plain({.steps = 20, .replicates = 3});
  CHECK(plain.target(8).name == "trajectory_elbo(20, uniform_time)");
  CHECK(plain.target(8).is_unbiased);
  CHECK(plain.nominal_copies(8) == 60);
  CHECK(plain.reads_schedule());
  const FullTrajectory joint(
      {.steps = 5, .grid = TrajectoryGrid::uniform_alpha, .include_reveal_terms = true});
  CHECK(joint.target(8).name == "trajectory_elbo(5, uniform_alpha) + reveal terms");
  CHECK(!joint.reads_schedule());
}

TEST_CASE("FullTrajectory asks in each state exactly the tokens that its path reveals there",
          "[estimator][full_trajectory]") {
  const World world = make_world(5, CosineSchedule());
  const Draws draws(3, "unit");
  for (std::uint64_t row = 0; row < 50; ++row) {
    const TextDraws own = draws_of(draws, row);
    Stream stream = own.stream(0);
    const Trajectory path =
        draw_trajectory(world.process, 5, 4, TrajectoryGrid::uniform_time, stream);
    const ScorePlan plan = FullTrajectory({.steps = 4}).plan(world.text, world.process, own);
    std::size_t next = 0;
    std::int32_t copy = 0;
    for (std::int64_t k = 4; k >= 1; --k) {
      bool is_asked = false;
      for (std::size_t i = 0; i < 5; ++i) {
        if (path.masked_since[i] != k) continue;
        REQUIRE(next < plan.queries.size());
        CHECK(plan.queries[next].copy == copy);
        CHECK(plan.queries[next].position == static_cast<std::int32_t>(1 + i));
        ++next;
        is_asked = true;
      }
      if (!is_asked) continue;
      for (std::size_t i = 0; i < 5; ++i)
        CHECK((plan.copy(copy)[1 + i] == world.model.mask_token()) == (path.masked_since[i] <= k));
      ++copy;
    }
    CHECK(next == plan.queries.size());
    CHECK(copy == plan.copies());
  }
}

TEST_CASE("FullTrajectory refuses what has no scored token", "[estimator][full_trajectory]") {
  const Draws draws(3, "unit");
  const Text text{{1, 2}, {}, -1};
  CHECK_THROWS_WITH(
      FullTrajectory({}).plan(text, MaskedProcess(3, LinearSchedule()), draws_of(draws, 0)),
      "score estimator \"full_trajectory\": the text has no scored token\n"
      "  an answer needs at least one token");
  const Text beyond{{1}, {0, 1}, 5};
  CHECK_THROWS_WITH(
      FullTrajectory({}).plan(beyond, MaskedProcess(3, LinearSchedule()), draws_of(draws, 0)),
      "score estimator \"full_trajectory\": scored = 5 is more than the response's 2 tokens");
}

TEST_CASE("The built-in estimators refuse noise that is not one absorbing token",
          "[estimator][full_trajectory]") {
  struct Visible {  // noise that looks like any token
    double alpha(double t) const { return 1.0 - t; }
    double inverse_alpha(double a) const { return 1.0 - a; }
    double elbo_weight(double t) const { return 1.0 / t; }
    double reveal_probability(double s, double t) const { return 1.0 - s / t; }
    void noise(std::span<std::int64_t>, std::span<const std::int64_t>, Stream&) const {}
    bool is_absorbing() const { return false; }
    Readout readout() const { return Readout::log_probability; }
  };
  const Draws draws(3, "unit");
  const Text text{{1}, {0, 1}, -1};
  CHECK_THROWS_WITH(
      FullTrajectory({}).plan(text, Visible(), draws_of(draws, 0)),
      "score estimator \"full_trajectory\" needs absorbing noise (every noised position shows the "
      "mask)\n  use forward_process = \"masked\"");
}
