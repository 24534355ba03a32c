// SPDX-License-Identifier: MIT
#include "lldm/objective/pretraining.hpp"

#include "lldm/objective/weighted_sum.hpp"
#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Pretraining is nats over tokens of the whole step, not a mean of rows",
          "[objective][pretraining]") {
  const Pretraining objective({});
  CHECK(objective.needs().use == ScoreUse::linear);
  CHECK(!objective.needs().reference);
  CHECK(objective.needs().denominator == Denominator::tokens);
  // 14 nats over 6 tokens; the mean of the rows' means would be 3.
  const ScoreSet uneven = score_set(1, {-10, -4}, {}, {5, 1});
  CHECK(normalised_loss(objective.evaluate(uneven), Denominator::tokens, uneven.totals)
            .item<double>() == Approx(14.0 / 6).epsilon(1e-15));
  CHECK(objective.evaluate(uneven).metrics.at("nats_per_token").value() ==
        Approx(14.0 / 6).epsilon(1e-15));
}

TEST_CASE("Pretraining under llada_parity takes a micro-batch's own mean",
          "[objective][pretraining]") {
  ScoreSet set = score_set(1, {-10, -4}, {}, {5, 1});
  set.totals.micro_batches = 4;
  set.totals.tokens = 100;
  const Pretraining objective({.llada_parity = true});
  CHECK(objective.needs().denominator == Denominator::none);
  CHECK(objective.evaluate(set).loss_sum.item<double>() == Approx(14.0 / 6 / 4).epsilon(1e-15));
}
