// SPDX-License-Identifier: MIT
#include "lldm/objective/dpo.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Dpo asks for pairs with a reference and is a loss of the difference",
          "[objective][dpo]") {
  const ObjectiveNeeds needs = Dpo({}).needs();
  CHECK(needs.group_size == 2);
  CHECK(needs.reference);
  CHECK(needs.use == ScoreUse::difference);
  CHECK(needs.denominator == Denominator::groups);
  CHECK(Dpo({.normalize = Normalize::response_length}).needs().use == ScoreUse::each);
}

TEST_CASE("Dpo stays finite at margins that overflow exp", "[objective][dpo]") {
  const Dpo dpo({.beta = 1.0});
  const ScoreSet right = score_set(2, {1e4, -1e4}, {0, 0}, {1, 1});
  CHECK(dpo.evaluate(right).loss_sum.item<double>() == 0.0);
  CHECK(slopes(dpo, right).abs().max().item<double>() == 0.0);
  const ScoreSet wrong = score_set(2, {-1e4, 1e4}, {0, 0}, {1, 1});
  CHECK(dpo.evaluate(wrong).loss_sum.item<double>() == 2e4);
  CHECK(slopes(dpo, wrong)[0][0].item<double>() == -1.0);
  CHECK(slopes(dpo, wrong)[0][1].item<double>() == 1.0);
}

TEST_CASE("Dpo by length divides each log-ratio by its own length", "[objective][dpo]") {
  const Dpo dpo({.beta = 2.0, .normalize = Normalize::response_length});
  // 6 / 3 - 4 / 4 = 1.
  const ScoreSet set = score_set(2, {-4, -6}, {-10, -10}, {3, 4});
  CHECK(dpo.evaluate(set).loss_sum.item<double>() ==
        Approx(std::log1p(std::exp(-2.0))).epsilon(1e-15));
  // The metrics stay in nats.
  CHECK(dpo.evaluate(set).metrics.at("rewards/margins").value() == Approx(4.0).epsilon(1e-15));
}
