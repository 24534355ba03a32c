// SPDX-License-Identifier: MIT
#include "lldm/laws/noise_schedule_laws.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

Finding check_fall(const AnyNoiseSchedule& schedule) {
  double before = 1.0;
  for (int i = 0; i <= 1000; ++i) {
    const double t = i / 1000.0, alpha = schedule.alpha(t);
    if (!(alpha >= 0.0 && alpha <= 1.0))
      return fails(message("alpha(", t, ") = ", alpha), "a chance in [0, 1]");
    if (alpha > before)
      return fails(message("alpha rises to ", alpha, " at t = ", t, " from ", before, " before"),
                   "the chance to be clean never rises with t");
    before = alpha;
  }
  return holds(message("1001 times, from ", schedule.alpha(0), " to ", before));
}

Finding check_slope(const AnyNoiseSchedule& schedule) {
  constexpr double h = 1e-6;
  Largest worst;
  for (int i = 1; i < 500; ++i) {
    const double t = i / 500.0 + 1e-4;
    const double said = schedule.alpha_derivative(t), at = schedule.alpha(t);
    const double left = (at - schedule.alpha(t - h)) / h, right = (schedule.alpha(t + h) - at) / h;
    const double slope = (left + right) / 2;
    const bool is_kink = std::abs(left - right) > 1e-3 * (1 + std::abs(slope)) &&
                         said >= std::min(left, right) - 1e-3 &&
                         said <= std::max(left, right) + 1e-3;
    if (is_kink) continue;
    worst.see(std::abs(said - slope) / (1 + std::abs(slope)), [&] {
      return message("t = ", t, " it says ", said, " where alpha has the slope ", slope);
    });
  }
  return worst.at_most(1e-6, "largest difference", "d alpha / d t");
}

Finding check_inverse(const AnyNoiseSchedule& schedule) {
  const double high = schedule.alpha(0.0), low = schedule.alpha(1.0);
  Largest worst;
  for (int i = 0; i <= 200; ++i) {
    const double a = low + (high - low) * i / 200.0, t = schedule.inverse_alpha(a);
    if (!(t >= -1e-9 && t <= 1 + 1e-9))
      return fails(message("inverse_alpha(", a, ") = ", t), "a time in [0, 1]");
    worst.see(std::abs(schedule.alpha(t) - a), [&] {
      return message("alpha = ", a, " it says t = ", t, ", where alpha is ", schedule.alpha(t));
    });
  }
  return worst.at_most(1e-9, "largest difference", "a time t with alpha(t) = a");
}

}  // namespace

std::vector<Law> noise_schedule_laws(const AnyNoiseSchedule& schedule) {
  return {{"alpha falls from t = 0 to t = 1 within [0, 1]", [=] { return check_fall(schedule); }},
          {"alpha_derivative is the slope of alpha", [=] { return check_slope(schedule); }},
          {"inverse_alpha finds a time with that alpha", [=] { return check_inverse(schedule); }}};
}

}  // namespace lldm::laws
