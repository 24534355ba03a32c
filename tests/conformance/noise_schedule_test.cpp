// SPDX-License-Identifier: MIT
// The laws of concepts/noise_schedule.hpp, on concrete and erased schedules.
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/estimator/quadrature_rule.hpp"
#include "lldm/laws/noise_schedule_laws.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEMPLATE_TEST_CASE("NoiseSchedule: every schedule keeps the laws", "[conformance][schedule]",
                   LinearSchedule, CosineSchedule, LeakySchedule, LateSchedule, PolynomialSchedule,
                   LoglinearSchedule, GeometricSchedule, ClippedSchedule) {
  CHECK(check_laws("schedule", laws::noise_schedule_laws(TestType())) == 3);
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

TEST_CASE("NoiseSchedule: alpha is the integral of its derivative, by quadrature",
          "[conformance][schedule]") {
  const QuadratureRule rule = gauss_legendre(24);
  for (const NamedSchedule& named : all_schedules())
    for (int i = 0; i < 20; ++i) {  // from one twentieth to the next
      double fall = 0;
      for (std::size_t k = 0; k < rule.nodes.size(); ++k)
        fall += rule.weights[k] / 20 * named.schedule.alpha_derivative((i + rule.nodes[k]) / 20);
      INFO(named.name << " from " << i / 20.0);
      CHECK(named.schedule.alpha((i + 1) / 20.0) - named.schedule.alpha(i / 20.0) ==
            Approx(fall).epsilon(1e-10).margin(1e-13));
    }
}

TEST_CASE("NoiseSchedule: weight and reveal law of the masked process against quadrature",
          "[conformance][schedule]") {
  const QuadratureRule rule = gauss_legendre(24);
  for (const NamedSchedule& named : all_schedules()) {
    const MaskedProcess process(3, named.schedule);
    INFO(named.name);
    for (int i = 1; i < 20; ++i) {
      const double t = (i + 1) / 20.0, s = i / 20.0;
      // The hazard -alpha' / (1 - alpha) integrates to the log of the share that is noised: a
      // position noised at t was so at s with probability exp(-hazard).
      double hazard = 0;
      for (std::size_t k = 0; k < rule.nodes.size(); ++k)
        hazard += rule.weights[k] * (t - s) * process.elbo_weight(s + (t - s) * rule.nodes[k]);
      CHECK(process.reveal_probability(s, t) ==
            Approx(1.0 - std::exp(-hazard)).epsilon(1e-9).margin(1e-12));
    }
  }
}

TEST_CASE("NoiseSchedule: the bound's weight of every mask, by quadrature over time",
          "[conformance][schedule]") {
  constexpr std::size_t kSize = 4;
  constexpr double kEps = 0.02;
  constexpr int kPieces = 50;
  const QuadratureRule rule = gauss_legendre(24);
  for (const NamedSchedule& named : all_schedules()) {
    const MaskedProcess process(3, named.schedule);
    const auto exact =
        truncated_weights(kSize, kEps, named.formula.alpha(kEps), named.formula.alpha(1.0));
    for (std::size_t subset = 1; subset < std::size_t{1} << kSize; ++subset) {
      const int l = bits(subset);
      double integral = 0;  // of the weight times the chance of exactly this mask
      for (int piece = 0; piece < kPieces; ++piece)
        for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
          const double t = kEps + (1 - kEps) * (piece + rule.nodes[k]) / kPieces;
          const double noised = 1 - process.alpha(t);
          integral += rule.weights[k] / kPieces * process.elbo_weight(t) * std::pow(noised, l) *
                      std::pow(1 - noised, static_cast<int>(kSize) - l);
        }
      INFO(named.name << ", " << l << " masks");
      for (std::size_t i = 0; i < kSize; ++i)
        if (subset >> i & 1)
          CHECK(integral == Approx(exact[subset * kSize + i]).epsilon(1e-9).margin(1e-12));
    }
  }
}
