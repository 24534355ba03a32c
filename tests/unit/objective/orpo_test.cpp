// SPDX-License-Identifier: MIT
#include "lldm/objective/orpo.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Orpo: the odds of per-token probabilities one half and one quarter are 1 and 1/3",
          "[objective][orpo]") {
  const double q = std::log(0.5), p = std::log(0.25);
  const ScoreSet set = score_set(2, {2 * q, 3 * p}, {}, {2, 3});
  // sigmoid(log 3) = 3/4.
  CHECK(Orpo({.beta = 0.2, .sft_weight = 0}).evaluate(set).loss_sum.item<double>() ==
        Approx(-0.2 * std::log(0.75)).epsilon(1e-14));
  CHECK(Orpo({.beta = 0.2}).evaluate(set).loss_sum.item<double>() ==
        Approx(-0.2 * std::log(0.75) + std::log(2.0)).epsilon(1e-14));
  const auto metrics = Orpo({}).evaluate(set).metrics;
  CHECK(metrics.at("log_odds_chosen").value() == Approx(std::log(3.0)).epsilon(1e-14));
  CHECK(metrics.at("log_odds_ratio").value() == Approx(std::log(0.75)).epsilon(1e-14));
  CHECK(!Orpo({}).needs().reference);
}

TEST_CASE("Orpo: a score of zero has finite odds and no slope", "[objective][orpo]") {
  const ScoreSet set = score_set(2, {0, -3}, {}, {2, 3});
  const Orpo orpo({.sft_weight = 0});
  CHECK(std::isfinite(orpo.evaluate(set).loss_sum.item<double>()));
  CHECK(slopes(orpo, set)[0][0].item<double>() == 0.0);
}
