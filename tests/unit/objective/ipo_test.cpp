// SPDX-License-Identifier: MIT
#include "lldm/objective/ipo.hpp"

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Ipo is zero exactly where the margin is 1 / (2 beta)", "[objective][ipo]") {
  const Ipo ipo({.beta = 0.25});
  CHECK(ipo.needs().use == ScoreUse::difference);
  const ScoreSet met = score_set(2, {-3, -7}, {-5, -7}, {2, 9});
  CHECK(ipo.evaluate(met).loss_sum.item<double>() == 0.0);
  const ScoreSet over = score_set(2, {0, -7}, {-5, -7}, {2, 9});  // 5 - 2
  CHECK(ipo.evaluate(over).loss_sum.item<double>() == 9.0);
  CHECK(slopes(ipo, over)[0][0].item<double>() == 6.0);  // a margin too large is pulled back
  CHECK(slopes(ipo, over)[0][1].item<double>() == -6.0);
}

TEST_CASE("Ipo by length is TRL's form", "[objective][ipo]") {
  const Ipo ipo({.beta = 0.25, .normalize = Normalize::response_length});
  CHECK(ipo.needs().use == ScoreUse::each);
  // 4 / 2 - 9 / 9 = 1, wanted 2.
  const ScoreSet set = score_set(2, {-1, 2}, {-5, -7}, {2, 9});
  CHECK(ipo.evaluate(set).loss_sum.item<double>() == 1.0);
  CHECK(slopes(ipo, set)[0][0].item<double>() == Approx(-1.0).epsilon(1e-15));
  CHECK(slopes(ipo, set)[0][1].item<double>() == Approx(2.0 / 9).epsilon(1e-15));
}
