// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

namespace lldm {

/// How fast clean text turns into noise.
///
/// A type is a NoiseSchedule if, for t in [0, 1],
///   1. `alpha(t)` is the chance that a token is still clean: non-increasing, within [0, 1];
///   2. `alpha_derivative(t)` is its derivative d alpha / d t;
///   3. `inverse_alpha(a)` is a time t with alpha(t) = a, for a between alpha(1) and alpha(0).
/// Laws: tests/conformance/noise_schedule_test.cpp.
template <class S>
concept NoiseSchedule = requires(const S& schedule, double t) {
  { schedule.alpha(t) } -> std::same_as<double>;
  { schedule.alpha_derivative(t) } -> std::same_as<double>;
  { schedule.inverse_alpha(t) } -> std::same_as<double>;
};

}  // namespace lldm
