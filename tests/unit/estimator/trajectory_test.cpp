// SPDX-License-Identifier: MIT
#include "lldm/estimator/trajectory.hpp"

#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("trajectory_alphas follows the schedule in between and closes both ends",
          "[estimator][trajectory]") {
  const auto cosine =
      trajectory_alphas(MaskedProcess(3, CosineSchedule()), 3, TrajectoryGrid::uniform_time);
  REQUIRE(cosine.size() == 4);
  CHECK(cosine[0] == 1.0);
  CHECK(cosine[1] == Approx(0.5).epsilon(1e-14));                     // 1 - cos(pi / 3)
  CHECK(cosine[2] == Approx(1 - std::sqrt(3.0) / 2).epsilon(1e-14));  // 1 - cos(pi / 6)
  CHECK(cosine[3] == 0.0);
  const auto leaky =
      trajectory_alphas(MaskedProcess(3, LeakySchedule()), 2, TrajectoryGrid::uniform_time);
  CHECK(leaky == std::vector<double>{1.0, LeakySchedule().alpha(0.5), 0.0});
  const auto equal =
      trajectory_alphas(MaskedProcess(3, CosineSchedule()), 4, TrajectoryGrid::uniform_alpha);
  CHECK(equal == std::vector<double>{1.0, 0.75, 0.5, 0.25, 0.0});
}

TEST_CASE("Trajectory: the reveal probability is the share of the masked that a step reveals",
          "[estimator][trajectory]") {
  const Trajectory path{{1.0, 1.0, 0.6, 0.0}, {}};
  CHECK(path.steps() == 3);
  CHECK(path.reveal_probability(1) == 0.0);                         // nothing is masked there
  CHECK(path.reveal_probability(2) == Approx(1.0).epsilon(1e-15));  // all of the last 0.4
  CHECK(path.reveal_probability(3) == Approx(0.6).epsilon(1e-15));
}

TEST_CASE("draw_trajectory puts every position at one step of 1..T", "[estimator][trajectory]") {
  Stream stream = Draws(4, "unit").stream(Purpose::noise);
  const Trajectory path = draw_trajectory(MaskedProcess(3, LateSchedule()), 500, 5,
                                          TrajectoryGrid::uniform_time, stream);
  REQUIRE(path.masked_since.size() == 500);
  for (const std::int64_t k : path.masked_since) {
    CHECK(k >= 3);  // alpha is 1 at t = 0, 0.2 and 0.4
    CHECK(k <= 5);
  }
}
