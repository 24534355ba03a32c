// SPDX-License-Identifier: MIT
#include "lldm/objective/bco_pair.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double term(double x) { return std::log1p(std::exp(-x)); }

}  // namespace

TEST_CASE("BcoPair: the step's mean reward is subtracted, without gradient",
          "[objective][bco_pair]") {
  // Rewards at beta 0.5: (2, -1) and (1, 0); mean 0.5.
  const ScoreSet set = score_set(2, {4, -2, 2, 0}, {0, 0, 0, 0}, {1, 1, 1, 1});
  const BcoPair plain({.shared = {.beta = 0.5}}),
      shifted({.shared = {.beta = 0.5}, .baseline = BcoBaseline::step_mean});
  CHECK(plain.needs().use == ScoreUse::each);
  CHECK(shifted.needs().use == ScoreUse::coupled);
  CHECK(plain.evaluate(set).loss_sum.item<double>() ==
        Approx(term(2) + term(1) + term(1) + term(0)).epsilon(1e-14));
  CHECK(shifted.evaluate(set).loss_sum.item<double>() ==
        Approx(term(1.5) + term(1.5) + term(0.5) + term(0.5)).epsilon(1e-14));
  const double slope = -0.5 / (1 + std::exp(1.5));
  CHECK(slopes(shifted, set)[0][0].item<double>() == Approx(slope).epsilon(1e-13));
  CHECK(slopes(shifted, set)[0][1].item<double>() == Approx(-slope).epsilon(1e-13));
}

TEST_CASE("BcoPair: a shift of all rewards changes nothing under step_mean",
          "[objective][bco_pair]") {
  const ScoreSet set = score_set(2, {4, -2, 2, 0}, {0, 0, 0, 0}, {1, 1, 1, 1});
  ScoreSet moved = set;
  moved.policy = set.policy + 11;
  const BcoPair shifted({.shared = {.beta = 0.5}, .baseline = BcoBaseline::step_mean});
  CHECK(shifted.evaluate(moved).loss_sum.item<double>() ==
        Approx(shifted.evaluate(set).loss_sum.item<double>()).epsilon(1e-13));
}
