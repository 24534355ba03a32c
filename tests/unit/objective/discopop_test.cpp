// SPDX-License-Identifier: MIT
#include "lldm/objective/discopop.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/central_slope.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// The log-ratio modulated loss of Lu et al. 2024 as it stands.
double published(double m, double temperature) {
  const double w = 1 / (1 + std::exp(-m / temperature));
  return std::log1p(std::exp(-m)) * (1 - w) + std::exp(-m) * w;
}

}  // namespace

TEST_CASE("Discopop is half logistic, half exponential at margin zero", "[objective][discopop]") {
  const Discopop loss({.shared = {.beta = 0.5}, .temperature = 0.5});
  CHECK(loss.needs().use == ScoreUse::difference);
  const ScoreSet start = pairs_of_ratios({{0.0, 0.0}});
  CHECK(loss_at(loss, start) == Approx((std::log(2.0) + 1) / 2).epsilon(1e-14));
  // dL/dm = -1/4 - 1/2 + (1 - log 2) / (4 temperature).
  const double slope = 0.5 * (-0.75 + (1 - std::log(2.0)) / 2);
  CHECK(slope_at(loss, start, 0) == Approx(slope).epsilon(1e-13));
  CHECK(slope_at(loss, start, 1) == Approx(-slope).epsilon(1e-13));
}

TEST_CASE("Discopop is the published blend at every margin", "[objective][discopop]") {
  const Discopop loss({.shared = {.beta = 2.0}, .temperature = 0.25});
  for (const double m : {-4.0, -0.25, 0.1, 1.0, 6.0}) {
    INFO("margin " << m);
    const ScoreSet set = pairs_of_ratios({{m / 2 + 1, 1.0}});
    CHECK(loss_at(loss, set) == Approx(published(m, 0.25)).epsilon(1e-12));
    CHECK(slope_at(loss, set, 0) ==
          Approx(2 * central_slope([](double x) { return published(x, 0.25); }, m)).epsilon(1e-7));
  }
}

TEST_CASE("Discopop stays finite where the published form is infinity times zero",
          "[objective][discopop]") {
  const Discopop loss({.shared = {.beta = 1.0}, .temperature = 0.5});
  // At m -> -infinity the blend is -m: exp(-m) w = exp(-m + 2 m) -> 0.
  const ScoreSet wrong = pairs_of_ratios({{-1e3, 0.0}});
  CHECK(!std::isfinite(published(-1e3, 0.5)));
  CHECK(loss_at(loss, wrong) == 1e3);
  CHECK(slope_at(loss, wrong, 0) == -1.0);
  CHECK(slope_at(loss, wrong, 1) == 1.0);
  const ScoreSet right = pairs_of_ratios({{1e3, 0.0}});
  CHECK(loss_at(loss, right) == 0.0);
  CHECK(slope_at(loss, right, 0) == 0.0);
}
