// SPDX-License-Identifier: MIT
// Schedules for tests: what the built-in ones must agree with, and one with open ends.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "lldm/forward/masked.hpp"
#include "lldm/schedule/clipped.hpp"
#include "lldm/schedule/cosine.hpp"
#include "lldm/schedule/geometric.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/schedule/loglinear.hpp"
#include "lldm/schedule/polynomial.hpp"
#include "support/estimator_laws.hpp"

namespace lldm::testing {

/// alpha(t) = 0.9 - 0.75 t: a tenth is masked at t = 0, 0.15 is left at t = 1.
struct LeakySchedule {
  [[nodiscard]] double alpha(double t) const { return 0.9 - 0.75 * t; }
  [[nodiscard]] double alpha_derivative(double) const { return -0.75; }
  [[nodiscard]] double inverse_alpha(double a) const { return (0.9 - a) / 0.75; }
};
static_assert(NoiseSchedule<LeakySchedule>);

/// 1 up to t = 0.4, then falling to 0: nothing is noised for a while.
struct LateSchedule {
  [[nodiscard]] double alpha(double t) const { return t <= 0.4 ? 1.0 : (1.0 - t) / 0.6; }
  [[nodiscard]] double alpha_derivative(double t) const { return t <= 0.4 ? 0.0 : -1.0 / 0.6; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1.0 - 0.6 * a; }
};
static_assert(NoiseSchedule<LateSchedule>);

struct NamedSchedule {
  std::string name;
  AnyNoiseSchedule schedule;
  ScheduleFormula formula;  // written down a second time
};

inline std::vector<NamedSchedule> named_schedules() {
  constexpr double half_pi = std::numbers::pi / 2;
  return {
      {"linear", LinearSchedule(), {[](double t) { return 1 - t; }, [](double) { return -1.0; }}},
      {"cosine",
       CosineSchedule(),
       {[](double t) { return 1 - std::sin(half_pi * t); },
        [](double t) { return -half_pi * std::cos(half_pi * t); }}},
      {"leaky",
       LeakySchedule(),
       {[](double t) { return 0.9 - 0.75 * t; }, [](double) { return -0.75; }}}};
}

/// The schedules whose formulas are only checked by themselves (the estimators' laws run on those
/// above).
inline std::vector<NamedSchedule> further_schedules() {
  return {
      {"polynomial",
       PolynomialSchedule({.power = 3.0}),
       {[](double t) { return 1 - t * t * t; }, [](double t) { return -3 * t * t; }}},
      {"loglinear",
       LoglinearSchedule({.eps = 0.01}),
       {[](double t) { return std::exp(std::log1p(-0.99 * t)); }, [](double) { return -0.99; }}},
      {"geometric",
       GeometricSchedule({.sigma_min = 0.01, .sigma_max = 10.0}),
       {[](double t) { return std::exp(-std::pow(0.01, 1 - t) * std::pow(10.0, t)); },
        [](double t) {
          const double sigma = std::pow(0.01, 1 - t) * std::pow(10.0, t);
          return -sigma * std::log(1000.0) * std::exp(-sigma);
        }}},
      {"clipped",
       ClippedSchedule({.low = 0.25, .high = 0.75}),
       {[](double t) { return 0.75 - 0.5 * t; }, [](double) { return -0.5; }}}};
}

/// All six built-in schedules and the one with open ends.
inline std::vector<NamedSchedule> all_schedules() {
  std::vector<NamedSchedule> list = named_schedules();
  for (NamedSchedule& further : further_schedules()) list.push_back(std::move(further));
  return list;
}

/// A text of one prompt token and `size` response tokens over V = 3 and its world.
inline World make_world(std::size_t size, const AnyNoiseSchedule& schedule = LinearSchedule(),
                        std::uint64_t seed = 1) {
  ToyTable model(3, static_cast<std::int64_t>(size) + 1, seed);
  Text text;
  Stream stream = Draws(seed, "text").stream(Purpose::data);
  text.prompt = {stream.below(3)};
  for (std::size_t i = 0; i < size; ++i) text.response.push_back(stream.below(3));
  SubsetTable subsets = subset_table(model, text);
  return {std::move(model), text, MaskedProcess(3, schedule), std::move(subsets)};
}

}  // namespace lldm::testing
