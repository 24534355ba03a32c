// SPDX-License-Identifier: MIT
#include "lldm/schedule/geometric.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/central_slope.hpp"

using namespace lldm;

TEST_CASE("GeometricSchedule has the geometric mean of its noises half way",
          "[schedule][geometric]") {
  // sigma from 1/4 to 4: sigma(1/4) = 1/2, sigma(1/2) = 1, sigma(3/4) = 2.
  const GeometricSchedule schedule({.sigma_min = 0.25, .sigma_max = 4.0});
  CHECK(schedule.alpha(0.0) == Approx(std::exp(-0.25)).epsilon(1e-14));
  CHECK(schedule.alpha(0.25) == Approx(std::exp(-0.5)).epsilon(1e-14));
  CHECK(schedule.alpha(0.5) == Approx(std::exp(-1.0)).epsilon(1e-14));
  CHECK(schedule.alpha(1.0) == Approx(std::exp(-4.0)).epsilon(1e-14));
  // d alpha / dt = -sigma' alpha, sigma' = log(16) sigma.
  CHECK(schedule.alpha_derivative(0.5) == Approx(-std::log(16.0) / std::exp(1.0)).epsilon(1e-14));
  for (const double t : {0.1, 0.5, 0.9})
    CHECK(testing::central_slope([&](double s) { return schedule.alpha(s); }, t) ==
          Approx(schedule.alpha_derivative(t)).epsilon(1e-8));
  CHECK(schedule.inverse_alpha(std::exp(-1.0)) == Approx(0.5).epsilon(1e-14));
  CHECK(schedule.inverse_alpha(std::exp(-2.0)) == Approx(0.75).epsilon(1e-14));
  CHECK(GeometricSchedule::name() == "geometric");
}

TEST_CASE("GeometricSchedule is by default that of SEDD, from 1e-4 to 20",
          "[schedule][geometric]") {
  const GeometricSchedule schedule;
  CHECK(schedule.alpha(0.0) == Approx(std::exp(-1e-4)).epsilon(1e-14));
  CHECK(schedule.alpha(1.0) == Approx(std::exp(-20.0)).epsilon(1e-13));
}

TEST_CASE("GeometricSchedule refuses noise that does not grow", "[schedule][geometric]") {
  CHECK_THROWS_WITH(
      GeometricSchedule({.sigma_min = 2.0, .sigma_max = 2.0}),
      "[forward_process] schedule geometric: sigma_max = 2 is not above sigma_min = 2\n"
      "  legal: above sigma_min, at most 700");
}
