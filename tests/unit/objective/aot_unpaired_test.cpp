// SPDX-License-Identifier: MIT
#include "lldm/objective/aot_unpaired.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Sorted log-ratios: chosen (-1, 1, 3), rejected (-2, 0, 5), so d = (1, 1, -2).
ScoreSet torn() { return pairs_of_ratios({{3.0, 0.0}, {-1.0, 5.0}, {1.0, -2.0}}); }

}  // namespace

TEST_CASE("AotUnpaired compares sorted chosen with sorted rejected log-ratios, pairs torn apart",
          "[objective][aot_unpaired]") {
  const AotUnpaired loss({.shared = {.beta = 1.0}});
  CHECK(loss.needs().use == ScoreUse::coupled);
  CHECK(loss_at(loss, torn()) ==
        Approx(2 * std::log1p(std::exp(-1.0)) + std::log1p(std::exp(2.0))).epsilon(1e-14));
  // The largest of each column, in different pairs, share the third difference.
  const double chosen[] = {-sigmoid(2), -sigmoid(-1), -sigmoid(-1)};
  const double rejected[] = {sigmoid(-1), sigmoid(2), sigmoid(-1)};
  for (const std::int64_t pair : {0, 1, 2}) {
    CHECK(slope_at(loss, torn(), 0, pair) == Approx(chosen[pair]).epsilon(1e-13));
    CHECK(slope_at(loss, torn(), 1, pair) == Approx(rejected[pair]).epsilon(1e-13));
  }
}

TEST_CASE("AotUnpaired does not care which rejected answer stood beside which chosen one",
          "[objective][aot_unpaired]") {
  const AotUnpaired loss({.shared = {.beta = 0.5}, .label_smoothing = 0.1});
  const ScoreSet moved = pairs_of_ratios({{3.0, -2.0}, {-1.0, 0.0}, {1.0, 5.0}});
  CHECK(loss_at(loss, moved) == Approx(loss_at(loss, torn())).epsilon(1e-14));
}

TEST_CASE("AotUnpaired smooths the label, also at differences that overflow exp",
          "[objective][aot_unpaired]") {
  const AotUnpaired loss({.shared = {.beta = 1.0}, .label_smoothing = 0.25});
  CHECK(loss_at(loss, pairs_of_ratios({{std::log(3.0), 0.0}})) ==
        Approx(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)).epsilon(1e-14));
  const ScoreSet wrong = pairs_of_ratios({{-5e3, 5e3}}), right = pairs_of_ratios({{5e3, -5e3}});
  CHECK(loss_at(loss, wrong) == 7500.0);
  CHECK(slope_at(loss, wrong, 0) == -0.75);
  CHECK(loss_at(loss, right) == 2500.0);
  CHECK(slope_at(loss, right, 1) == -0.25);
}
