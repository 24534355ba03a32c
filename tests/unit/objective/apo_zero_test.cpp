// SPDX-License-Identifier: MIT
#include "lldm/objective/apo_zero.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("ApoZero is 1 - sigmoid(r_c) + sigmoid(r_r)", "[objective][apo_zero]") {
  const ApoZero loss({.beta = 0.5});
  CHECK(loss.needs().use == ScoreUse::each);
  CHECK(loss_at(loss, pairs_of_ratios({{0.0, 0.0}})) == 1.0);
  // r = (log 3, -log 7): 1/4 + 1/8, slopes beta times -3/16 and 7/64.
  const ScoreSet set = pairs_of_ratios({{2 * std::log(3.0), -2 * std::log(7.0)}});
  CHECK(loss_at(loss, set) == Approx(0.375).epsilon(1e-14));
  CHECK(slope_at(loss, set, 0) == Approx(-0.5 * 3 / 16).epsilon(1e-13));
  CHECK(slope_at(loss, set, 1) == Approx(0.5 * 7 / 64).epsilon(1e-13));
}

TEST_CASE("ApoZero judges each answer for itself, not the margin", "[objective][apo_zero]") {
  const ApoZero loss({.beta = 1.0});
  // Equal margins of log 3, different losses.
  CHECK(loss_at(loss, pairs_of_ratios({{std::log(3.0), 0.0}})) == Approx(0.75).epsilon(1e-14));
  CHECK(loss_at(loss, pairs_of_ratios({{2 * std::log(3.0), std::log(3.0)}})) ==
        Approx(0.85).epsilon(1e-14));
}

TEST_CASE("ApoZero stays between 0 and 2 and is flat at its ends", "[objective][apo_zero]") {
  const ApoZero loss({.beta = 1.0});
  const ScoreSet right = pairs_of_ratios({{2e3, -2e3}}), wrong = pairs_of_ratios({{-2e3, 2e3}});
  CHECK(loss_at(loss, right) == 0.0);
  CHECK(loss_at(loss, wrong) == 2.0);
  for (const std::int64_t answer : {0, 1}) {
    CHECK(slope_at(loss, right, answer) == 0.0);
    CHECK(slope_at(loss, wrong, answer) == 0.0);
  }
}
