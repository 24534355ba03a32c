// SPDX-License-Identifier: MIT
// The laws of concepts/noise_schedule.hpp, on concrete and erased schedules.
#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

template <class S>
struct Erased : AnyNoiseSchedule {
  Erased() : AnyNoiseSchedule(S()) {}
};

}  // namespace

TEMPLATE_TEST_CASE("NoiseSchedule: alpha falls from t = 0 to t = 1 within [0, 1]",
                   "[conformance][schedule]", LinearSchedule, CosineSchedule, LeakySchedule,
                   LateSchedule, PolynomialSchedule, LoglinearSchedule, GeometricSchedule,
                   ClippedSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
  const TestType schedule;
  double before = 1.0;
  for (int i = 0; i <= 1000; ++i) {
    const double alpha = schedule.alpha(i / 1000.0);
    CHECK(alpha >= 0.0);
    CHECK(alpha <= before);
    before = alpha;
  }
}

TEMPLATE_TEST_CASE("NoiseSchedule: alpha_derivative is the slope of alpha",
                   "[conformance][schedule]", LinearSchedule, CosineSchedule, LeakySchedule,
                   LateSchedule, PolynomialSchedule, LoglinearSchedule, GeometricSchedule,
                   ClippedSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
  const TestType schedule;
  for (int i = 1; i < 500; ++i) {
    const double t = i / 500.0 + 1e-4, h = 1e-6;  // no kink of a test schedule within h
    const double slope = (schedule.alpha(t + h) - schedule.alpha(t - h)) / (2 * h);
    CHECK(schedule.alpha_derivative(t) == Approx(slope).epsilon(1e-7).margin(1e-8));
  }
}

TEMPLATE_TEST_CASE("NoiseSchedule: inverse_alpha finds a time with that alpha",
                   "[conformance][schedule]", LinearSchedule, CosineSchedule, LeakySchedule,
                   LateSchedule, PolynomialSchedule, LoglinearSchedule, GeometricSchedule,
                   ClippedSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
  const TestType schedule;
  const double high = schedule.alpha(0.0), low = schedule.alpha(1.0);
  for (int i = 0; i <= 200; ++i) {
    const double a = low + (high - low) * i / 200.0;
    const double t = schedule.inverse_alpha(a);
    CHECK(t >= -1e-12);
    CHECK(t <= 1 + 1e-12);
    CHECK(schedule.alpha(t) == Approx(a).margin(1e-12));
  }
}

TEST_CASE("NoiseSchedule: the built-in formulas are the published ones",
          "[conformance][schedule]") {
  for (const auto& list : {named_schedules(), further_schedules()})
    for (const NamedSchedule& named : list)
      for (int i = 0; i <= 100; ++i) {
        const double t = i / 100.0;
        INFO(named.name << ", t = " << t);
        CHECK(named.schedule.alpha(t) ==
              Approx(named.formula.alpha(t)).epsilon(1e-13).margin(1e-15));
        CHECK(named.schedule.alpha_derivative(t) ==
              Approx(named.formula.derivative(t)).epsilon(1e-12).margin(1e-14));
      }
  CHECK(LinearSchedule().alpha(0.0) == 1.0);
  CHECK(LinearSchedule().alpha(1.0) == 0.0);
  CHECK(CosineSchedule().alpha(1.0) == 0.0);
  CHECK(CosineSchedule().alpha(1.0 / 3) == Approx(0.5).epsilon(1e-15));  // 1 - cos(pi / 3)
}

TEST_CASE("NoiseSchedule: options that are no schedule are refused", "[conformance][schedule]") {
  CHECK_THROWS_AS(ClippedSchedule({.low = 0.5, .high = 0.5}), ConfigError);
  CHECK_THROWS_AS(GeometricSchedule({.sigma_min = 2.0, .sigma_max = 1.0}), ConfigError);
  CHECK_THROWS_AS(PolynomialSchedule({.power = 0.0}), ConfigError);
  CHECK_THROWS_AS(LoglinearSchedule({.eps = 1.0}), ConfigError);
}

TEST_CASE("NoiseSchedule: weight and reveal law of the masked process against quadrature",
          "[conformance][schedule]") {
  for (const NamedSchedule& named : further_schedules()) {
    const MaskedProcess process(3, named.schedule);
    INFO(named.name);
    for (int i = 1; i < 20; ++i) {
      const double t = i / 20.0, s = t / 2;
      // The hazard -alpha' / (1 - alpha) integrates to the log of the share that is noised.
      double hazard = 0;
      for (int q = 0; q < 4000; ++q)
        hazard += process.elbo_weight(s + (t - s) * (q + 0.5) / 4000) * (t - s) / 4000;
      const double noised_s = 1 - process.alpha(s), noised_t = 1 - process.alpha(t);
      CHECK(hazard == Approx(std::log(noised_t / noised_s)).epsilon(1e-6));
      CHECK(process.reveal_probability(s, t) ==
            Approx((noised_t - noised_s) / noised_t).epsilon(1e-12));
    }
  }
}
