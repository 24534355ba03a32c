// SPDX-License-Identifier: MIT
#include "lldm/objective/cpo.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Cpo reads no reference; alone and in nats it is a loss of the difference",
          "[objective][cpo]") {
  CHECK(!Cpo({}).needs().reference);
  CHECK(Cpo({}).needs().use == ScoreUse::each);
  CHECK(Cpo({.sft_weight = 0}).needs().use == ScoreUse::difference);
  CHECK(Cpo({.normalize = Normalize::response_length, .sft_weight = 0}).needs().use ==
        ScoreUse::each);
}

TEST_CASE("Cpo: its three losses at a margin of 2 nats, and the chosen answer's own term",
          "[objective][cpo]") {
  const ScoreSet set = score_set(2, {-4, -6}, {}, {2, 4});
  const auto loss = [&](const Cpo::Options& options) {
    return Cpo(options).evaluate(set).loss_sum.item<double>();
  };
  const double right = std::log1p(std::exp(-1.0)), wrong = std::log1p(std::exp(1.0));
  CHECK(loss({.beta = 0.5, .sft_weight = 0}) == Approx(right).epsilon(1e-14));
  CHECK(loss({.beta = 0.5, .label_smoothing = 0.1, .sft_weight = 0}) ==
        Approx(0.9 * right + 0.1 * wrong).epsilon(1e-14));
  CHECK(loss({.beta = 0.25, .loss = CpoLoss::hinge, .sft_weight = 0}) == 0.5);
  CHECK(loss({.beta = 0.5, .loss = CpoLoss::hinge, .sft_weight = 0}) == 0.0);
  CHECK(loss({.beta = 0.5, .loss = CpoLoss::ipo, .sft_weight = 0}) == 1.0);
  // -4 / 2 + 6 / 4 = -0.5 per token.
  CHECK(loss({.beta = 0.5,
              .loss = CpoLoss::ipo,
              .normalize = Normalize::response_length,
              .sft_weight = 0}) == 2.25);
  CHECK(loss({.beta = 0.25, .loss = CpoLoss::hinge, .sft_weight = 3}) == 0.5 + 3 * 2);
  CHECK(Cpo({.beta = 0.5}).evaluate(set).metrics.at("rewards/margins").value() == 1.0);
}

TEST_CASE("Cpo: only the sigmoid smooths its label", "[objective][cpo]") {
  CHECK_THROWS_WITH(Cpo({.loss = CpoLoss::hinge, .label_smoothing = 0.1}),
                    contains("read by loss = \"sigmoid\" alone"));
}
