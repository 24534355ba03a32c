// SPDX-License-Identifier: MIT
#include "lldm/objective/hinge.hpp"

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Hinge grows in a straight line below the margin 1 / beta and is silent beyond it",
          "[objective][hinge]") {
  const Hinge hinge({.beta = 0.5});
  const ScoreSet near = pairs_of_ratios({{1.0, -0.5}});  // 1 - 0.5 * 1.5
  CHECK(loss_at(hinge, near) == 0.25);
  CHECK(slope_at(hinge, near, 0) == -0.5);
  CHECK(slope_at(hinge, near, 1) == 0.5);
  const ScoreSet far = pairs_of_ratios({{2.0, -0.5}});  // margin 2.5 > 2
  CHECK(loss_at(hinge, far) == 0.0);
  CHECK(slope_at(hinge, far, 0) == 0.0);
  CHECK(slope_at(hinge, far, 1) == 0.0);
}

TEST_CASE("Hinge counts a margin that is very wrong at its full size", "[objective][hinge]") {
  const Hinge hinge({.beta = 0.5});
  const ScoreSet wrong = pairs_of_ratios({{-1e4, 1e4}});
  CHECK(loss_at(hinge, wrong) == 10001.0);
  CHECK(slope_at(hinge, wrong, 0) == -0.5);
  CHECK(slope_at(hinge, wrong, 1) == 0.5);
  CHECK(loss_at(hinge, pairs_of_ratios({{-1e4, 1e4}, {1.0, -0.5}, {1e4, -1e4}})) == 10001.25);
}

TEST_CASE("Hinge by length compares log-ratios per token", "[objective][hinge]") {
  const Hinge hinge({.beta = 0.5, .normalize = Normalize::response_length});
  CHECK(Hinge({}).needs().use == ScoreUse::difference);
  CHECK(hinge.needs().use == ScoreUse::each);
  // 6 / 4 - 2 / 2 = 0.5: loss 0.75; without lengths the margin of 4 would be silent.
  const ScoreSet set = score_set(2, {1, -3}, {-5, -5}, {4, 2});
  CHECK(loss_at(hinge, set) == 0.75);
  CHECK(slope_at(hinge, set, 0) == -0.125);
  CHECK(slope_at(hinge, set, 1) == 0.25);
}
