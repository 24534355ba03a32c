// SPDX-License-Identifier: MIT
#include "lldm/objective/robust.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Robust is DPO's loss less the share that wrong labels put into it",
          "[objective][robust]") {
  const Robust loss({.shared = {.beta = 0.5}, .label_smoothing = 0.25});
  CHECK(loss.needs().use == ScoreUse::difference);
  // m = log 3: sigmoid 3/4.  (3/4 log 4/3 - 1/4 log 4) / (1/2), a negative number.
  const ScoreSet set = pairs_of_ratios({{std::log(3.0), -std::log(3.0)}});
  CHECK(loss_at(loss, set) == Approx(1.5 * std::log(4.0 / 3) - 0.5 * std::log(4.0)).epsilon(1e-13));
  CHECK(loss_at(loss, set) < 0.0);
  // -beta (3/4 1/4 + 1/4 3/4) / (1/2).
  CHECK(slope_at(loss, set, 0) == Approx(-0.375).epsilon(1e-13));
  CHECK(slope_at(loss, set, 1) == Approx(0.375).epsilon(1e-13));
}

TEST_CASE("Robust averages to the loss of clean labels when a share eps of them is swapped",
          "[objective][robust]") {
  for (const double eps : {0.0, 0.1, 0.4})
    for (const double margin : {-3.0, 0.5, 2.0}) {
      const Robust loss({.shared = {.beta = 1.0}, .label_smoothing = eps});
      const double mean = (1 - eps) * loss_at(loss, pairs_of_ratios({{margin, 0.0}})) +
                          eps * loss_at(loss, pairs_of_ratios({{0.0, margin}}));
      CHECK(mean == Approx(std::log1p(std::exp(-margin))).epsilon(1e-13));
    }
}

TEST_CASE("Robust stays finite at margins that overflow exp", "[objective][robust]") {
  const Robust loss({.shared = {.beta = 1.0}, .label_smoothing = 0.25});
  const ScoreSet right = pairs_of_ratios({{5e3, -5e3}}), wrong = pairs_of_ratios({{-5e3, 5e3}});
  CHECK(loss_at(loss, right) == -5000.0);  // -1/4 1e4 / (1/2)
  CHECK(slope_at(loss, right, 0) == -0.5);
  CHECK(loss_at(loss, wrong) == 15000.0);  // 3/4 1e4 / (1/2)
  CHECK(slope_at(loss, wrong, 0) == -1.5);
  CHECK(slope_at(loss, wrong, 1) == 1.5);
}

TEST_CASE("Robust refuses labels of which half are wrong", "[objective][robust]") {
  CHECK_THROWS_AS(Robust({.label_smoothing = 0.5}), ConfigError);
  CHECK_THROWS_AS(Robust({.label_smoothing = -0.1}), ConfigError);
}
