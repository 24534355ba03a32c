// SPDX-License-Identifier: MIT
#include "lldm/schedule/clipped.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/central_slope.hpp"

using namespace lldm;

TEST_CASE("ClippedSchedule noises a share from low to high, in a straight line",
          "[schedule][clipped]") {
  const ClippedSchedule schedule({.low = 0.25, .high = 0.75});
  CHECK(schedule.alpha(0.0) == 0.75);  // a quarter is noised before anything begins
  CHECK(schedule.alpha(0.5) == 0.5);
  CHECK(schedule.alpha(1.0) == 0.25);  // and a quarter is never noised
  for (const double t : {0.1, 0.5, 0.9}) {
    CHECK(schedule.alpha_derivative(t) == -0.5);
    CHECK(testing::central_slope([&](double s) { return schedule.alpha(s); }, t) ==
          Approx(-0.5).epsilon(1e-9));
  }
  CHECK(schedule.inverse_alpha(0.75) == 0.0);
  CHECK(schedule.inverse_alpha(0.625) == 0.25);
  CHECK(schedule.inverse_alpha(0.25) == 1.0);
  CHECK(ClippedSchedule::name() == "clipped");
}

TEST_CASE("ClippedSchedule is by default the interval from 0.3 to 0.8 of BD3-LM",
          "[schedule][clipped]") {
  const ClippedSchedule schedule;
  CHECK(1 - schedule.alpha(0.0) == Approx(0.3).epsilon(1e-15));
  CHECK(1 - schedule.alpha(1.0) == Approx(0.8).epsilon(1e-15));
}

TEST_CASE("ClippedSchedule refuses an interval that is empty", "[schedule][clipped]") {
  CHECK_THROWS_AS(ClippedSchedule({.low = 0.5, .high = 0.5}), ConfigError);
  CHECK_THROWS_WITH(ClippedSchedule({.low = 0.75, .high = 0.25}),
                    "[forward_process] schedule clipped: high = 0.25 is not above low = 0.75\n"
                    "  legal: above low, at most 1");
}
