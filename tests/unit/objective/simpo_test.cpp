// SPDX-License-Identifier: MIT
#include "lldm/objective/simpo.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Simpo: a margin between scores per token", "[objective][simpo]") {
  CHECK(!Simpo({}).needs().reference);
  // -6 / 3 and -20 / 5: 2 (-2 + 4) - 0.5 = 3.5.
  const ScoreSet set = score_set(2, {-6, -20}, {}, {3, 5});
  const Simpo simpo({.beta = 2.0, .margin = 0.5});
  CHECK(simpo.evaluate(set).loss_sum.item<double>() ==
        Approx(std::log1p(std::exp(-3.5))).epsilon(1e-14));
  const double slope = -2.0 / (1 + std::exp(3.5));
  CHECK(slopes(simpo, set)[0][0].item<double>() == Approx(slope / 3).epsilon(1e-13));
  CHECK(slopes(simpo, set)[0][1].item<double>() == Approx(-slope / 5).epsilon(1e-13));
  CHECK(simpo.evaluate(set).metrics.at("rewards/margins").value() == 4.0);
}

TEST_CASE("Simpo: AlphaPO's reward has SimPO's as its limit", "[objective][simpo]") {
  const ScoreSet set = score_set(2, {-6, -20}, {}, {3, 5});
  const auto loss = [&](double alpha) {
    return Simpo({.alpha = alpha}).evaluate(set).loss_sum.item<double>();
  };
  const auto reward = [](double q) { return (1 - std::exp(-0.25 * q)) / 0.25; };
  CHECK(loss(0.25) ==
        Approx(std::log1p(std::exp(0.5 - 2 * (reward(-2) - reward(-4))))).epsilon(1e-13));
  CHECK(loss(1e-9) == Approx(loss(0)).epsilon(1e-7));
  CHECK(std::isfinite(
      Simpo({.alpha = 1}).evaluate(score_set(2, {-2e3, -1}, {}, {1, 1})).loss_sum.item<double>()));
}

TEST_CASE("Simpo: sft_weight keeps the chosen answer likely", "[objective][simpo]") {
  const ScoreSet set = score_set(2, {-6, -20}, {}, {3, 5});
  CHECK(Simpo({.sft_weight = 0.5}).evaluate(set).loss_sum.item<double>() -
            Simpo({}).evaluate(set).loss_sum.item<double>() ==
        Approx(0.5 * 2).epsilon(1e-13));
}
