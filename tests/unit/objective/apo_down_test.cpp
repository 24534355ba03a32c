// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_down.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("ApoDown is sigmoid(r_c) + 1 - sigmoid(r_c - r_r)", "[objective][apo_down]") {
  const ApoDown loss({.beta = 0.5});
  CHECK(loss.needs().use == ScoreUse::each);
  CHECK(loss.needs().reference);
  CHECK(loss_at(loss, pairs_of_ratios({{0.0, 0.0}})) == 1.0);
  // r = (log 3, -log 3): sigmoid(log 3) = 3/4, sigmoid(log 9) = 9/10.
  const ScoreSet set = pairs_of_ratios({{2 * std::log(3.0), -2 * std::log(3.0)}});
  CHECK(loss_at(loss, set) == Approx(0.85).epsilon(1e-14));
  // beta (3/16 - 9/100) and beta 9/100: descending takes both answers down.
  CHECK(slope_at(loss, set, 0) == Approx(0.5 * (0.1875 - 0.09)).epsilon(1e-13));
  CHECK(slope_at(loss, set, 1) == Approx(0.5 * 0.09).epsilon(1e-13));
}

TEST_CASE("ApoDown at the reference moves the rejected answer alone", "[objective][apo_down]") {
  const ApoDown loss({.beta = 0.5});
  const ScoreSet start = pairs_of_ratios({{0.0, 0.0}});
  CHECK(slope_at(loss, start, 0) == 0.0);
  CHECK(slope_at(loss, start, 1) == 0.125);
}

TEST_CASE("ApoDown stays between 0 and 2 and is flat where it has nothing left to say",
          "[objective][apo_down]") {
  const ApoDown loss({.beta = 1.0});
  const ScoreSet right = pairs_of_ratios({{-2e3, -4e3}});  // both down, the rejected one further
  CHECK(loss_at(loss, right) == 0.0);
  CHECK(slope_at(loss, right, 0) == 0.0);
  CHECK(slope_at(loss, right, 1) == 0.0);
  const ScoreSet wrong = pairs_of_ratios({{2e3, 4e3}});
  CHECK(loss_at(loss, wrong) == 2.0);
  CHECK(slope_at(loss, wrong, 0) == 0.0);
  CHECK(slope_at(loss, wrong, 1) == 0.0);
}
