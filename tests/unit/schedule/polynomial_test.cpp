// SPDX-License-Identifier: MIT
#include "lldm/schedule/polynomial.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/central_slope.hpp"

using namespace lldm;

TEST_CASE("PolynomialSchedule is the square by default", "[schedule][polynomial]") {
  const PolynomialSchedule schedule;
  CHECK(schedule.alpha(0.0) == 1.0);
  CHECK(schedule.alpha(0.5) == 0.75);
  CHECK(schedule.alpha(1.0) == 0.0);
  CHECK(schedule.alpha_derivative(0.5) == -1.0);  // -2 t
  CHECK(schedule.inverse_alpha(0.75) == 0.5);
  CHECK(PolynomialSchedule::name() == "polynomial");
}

TEST_CASE("PolynomialSchedule of power one half is the square root, of three the cube",
          "[schedule][polynomial]") {
  const PolynomialSchedule root({.power = 0.5}), cube({.power = 3.0});
  CHECK(root.alpha(0.25) == 0.5);
  CHECK(root.alpha_derivative(0.25) == -1.0);  // -1 / (2 sqrt t)
  CHECK(root.inverse_alpha(0.5) == 0.25);
  CHECK(cube.alpha(0.5) == 0.875);
  CHECK(cube.alpha_derivative(0.5) == -0.75);  // -3 t^2
  CHECK(cube.inverse_alpha(0.875) == Approx(0.5).epsilon(1e-15));
}

TEST_CASE("PolynomialSchedule weighs the bound by power / t", "[schedule][polynomial]") {
  for (const double power : {0.5, 1.0, 2.0, 3.0}) {
    const PolynomialSchedule schedule({.power = power});
    for (const double t : {0.1, 0.5, 0.9}) {
      CHECK(-schedule.alpha_derivative(t) / (1 - schedule.alpha(t)) ==
            Approx(power / t).epsilon(1e-12));
      CHECK(testing::central_slope([&](double s) { return schedule.alpha(s); }, t) ==
            Approx(schedule.alpha_derivative(t)).epsilon(1e-7));
    }
  }
  CHECK_THROWS_AS(PolynomialSchedule({.power = 0.0}), ConfigError);
}
