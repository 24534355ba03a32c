// SPDX-License-Identifier: MIT
#include "lldm/schedule/linear.hpp"

#include "support/catch.hpp"

TEST_CASE("LinearSchedule is 1 - t", "[schedule][linear]") {
  const lldm::LinearSchedule schedule;
  CHECK(schedule.alpha(0.25) == 0.75);
  CHECK(schedule.alpha_derivative(0.25) == -1.0);
  CHECK(schedule.inverse_alpha(0.75) == 0.25);
  CHECK(lldm::LinearSchedule::name() == "linear");
}
