// SPDX-License-Identifier: MIT
// The laws of concepts/noise_schedule.hpp, on concrete and erased schedules.
#include <cmath>

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
                   LateSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
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
                   LateSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
  const TestType schedule;
  for (int i = 1; i < 500; ++i) {
    const double t = i / 500.0 + 1e-4, h = 1e-6;  // no kink of a test schedule within h
    const double slope = (schedule.alpha(t + h) - schedule.alpha(t - h)) / (2 * h);
    CHECK(schedule.alpha_derivative(t) == Approx(slope).epsilon(1e-7).margin(1e-8));
  }
}

TEMPLATE_TEST_CASE("NoiseSchedule: inverse_alpha finds a time with that alpha",
                   "[conformance][schedule]", LinearSchedule, CosineSchedule, LeakySchedule,
                   LateSchedule, Erased<LinearSchedule>, Erased<CosineSchedule>) {
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
  for (const NamedSchedule& named : named_schedules())
    for (int i = 0; i <= 100; ++i) {
      const double t = i / 100.0;
      INFO(named.name << ", t = " << t);
      CHECK(named.schedule.alpha(t) == Approx(named.formula.alpha(t)).margin(1e-15));
      CHECK(named.schedule.alpha_derivative(t) ==
            Approx(named.formula.derivative(t)).margin(1e-14));
    }
  CHECK(LinearSchedule().alpha(0.0) == 1.0);
  CHECK(LinearSchedule().alpha(1.0) == 0.0);
  CHECK(CosineSchedule().alpha(1.0) == 0.0);
  CHECK(CosineSchedule().alpha(1.0 / 3) == Approx(0.5).epsilon(1e-15));  // 1 - cos(pi / 3)
}
