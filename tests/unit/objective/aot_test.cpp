// SPDX-License-Identifier: MIT
#include "lldm/objective/aot.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Policy margins 3, -1, 1; reference margins 0, 5, -2.  Sorted: (-1, 1, 3) - (-2, 0, 5) =
// (1, 1, -2), so that the first pair, of the largest policy margin, meets the largest reference.
const ScoreSet& torn() {
  static const ScoreSet set =
      score_set(2, {-1, -4, -6, -5, -2, -3}, {-7, -7, -1, -6, -5, -3}, {1, 1, 1, 1, 1, 1});
  return set;
}

}  // namespace

TEST_CASE("Aot compares the sorted margins of the step, not those of the same pair",
          "[objective][aot]") {
  const Aot loss({.shared = {.beta = 1.0}});
  CHECK(loss.needs().use == ScoreUse::coupled);
  CHECK(loss.needs().reference);
  CHECK(loss_at(loss, torn()) ==
        Approx(2 * std::log1p(std::exp(-1.0)) + std::log1p(std::exp(2.0))).epsilon(1e-14));
  const double expected[] = {-sigmoid(2), -sigmoid(-1), -sigmoid(-1)};
  for (const std::int64_t pair : {0, 1, 2}) {
    CHECK(slope_at(loss, torn(), 0, pair) == Approx(expected[pair]).epsilon(1e-13));
    CHECK(slope_at(loss, torn(), 1, pair) == Approx(-expected[pair]).epsilon(1e-13));
  }
}

TEST_CASE("Aot does not care which pair a reference margin belongs to", "[objective][aot]") {
  const Aot loss({.shared = {.beta = 0.5}, .label_smoothing = 0.1});
  ScoreSet moved = torn();
  moved.reference = torn().reference.roll(1, 0);
  CHECK(loss_at(loss, moved) == Approx(loss_at(loss, torn())).epsilon(1e-14));
}

TEST_CASE("Aot smooths the label as DPO does, also at margins that overflow exp",
          "[objective][aot]") {
  const Aot loss({.shared = {.beta = 1.0}, .label_smoothing = 0.25});
  CHECK(loss_at(loss, pairs_of_ratios({{std::log(3.0), 0.0}})) ==
        Approx(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)).epsilon(1e-14));
  const ScoreSet wrong = pairs_of_ratios({{-5e3, 5e3}}), right = pairs_of_ratios({{5e3, -5e3}});
  CHECK(loss_at(loss, wrong) == 7500.0);
  CHECK(slope_at(loss, wrong, 0) == -0.75);
  CHECK(loss_at(loss, right) == 2500.0);
  CHECK(slope_at(loss, right, 0) == 0.25);
}

TEST_CASE("Aot needs reference scores", "[objective][aot]") {
  CHECK_THROWS_AS(Aot({}).evaluate(score_set(2, {1, 2}, {}, {1, 1})), ShapeError);
}
