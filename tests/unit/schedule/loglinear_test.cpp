// SPDX-License-Identifier: MIT
#include "lldm/schedule/loglinear.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/central_slope.hpp"

using namespace lldm;

TEST_CASE("LoglinearSchedule falls in a straight line to the share that stays clean",
          "[schedule][loglinear]") {
  const LoglinearSchedule schedule({.eps = 0.25});
  CHECK(schedule.alpha(0.0) == 1.0);
  CHECK(schedule.alpha(0.5) == 0.625);
  CHECK(schedule.alpha(1.0) == 0.25);
  for (const double t : {0.1, 0.5, 0.9}) {
    CHECK(schedule.alpha_derivative(t) == -0.75);
    CHECK(testing::central_slope([&](double s) { return schedule.alpha(s); }, t) ==
          Approx(-0.75).epsilon(1e-9));
    // SEDD states the noise sigma = -log(1 - (1 - eps) t), of which alpha is exp(-sigma).
    CHECK(-std::log(schedule.alpha(t)) == Approx(-std::log1p(-0.75 * t)).epsilon(1e-14));
  }
  CHECK(schedule.inverse_alpha(1.0) == 0.0);
  CHECK(schedule.inverse_alpha(0.625) == 0.5);
  CHECK(schedule.inverse_alpha(0.25) == 1.0);
  CHECK(LoglinearSchedule::name() == "loglinear");
}

TEST_CASE("LoglinearSchedule leaves a thousandth clean by default and refuses to leave all",
          "[schedule][loglinear]") {
  CHECK(LoglinearSchedule().alpha(1.0) == Approx(1e-3).epsilon(1e-12));
  CHECK_THROWS_AS(LoglinearSchedule({.eps = 1.0}), ConfigError);
  CHECK_THROWS_AS(LoglinearSchedule({.eps = 0.0}), ConfigError);
}
