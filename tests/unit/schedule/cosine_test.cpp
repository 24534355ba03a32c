// SPDX-License-Identifier: MIT
#include "lldm/schedule/cosine.hpp"

#include "support/catch.hpp"

TEST_CASE("CosineSchedule is 1 - cos(pi/2 (1 - t))", "[schedule][cosine]") {
  const lldm::CosineSchedule schedule;
  CHECK(schedule.alpha(0.0) == Approx(1.0).epsilon(1e-15));
  CHECK(schedule.alpha(1.0) == 0.0);
  CHECK(schedule.alpha(2.0 / 3) == Approx(1 - std::sqrt(0.75)).epsilon(1e-14));
  CHECK(schedule.alpha_derivative(1.0) == 0.0);
  CHECK(schedule.alpha_derivative(0.0) == Approx(-std::acos(-1.0) / 2).epsilon(1e-15));
  CHECK(schedule.inverse_alpha(0.5) == Approx(1.0 / 3).epsilon(1e-14));
  CHECK(lldm::CosineSchedule::name() == "cosine");
}
