// SPDX-License-Identifier: MIT
#include "lldm/objective/sft.hpp"

#include "lldm/objective/weighted_sum.hpp"
#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Sft is the mean over rows of nats per answer token", "[objective][sft]") {
  const ScoreSet set = score_set(1, {-10, -4}, {}, {5, 1});
  const Sft objective({});
  CHECK(normalised_loss(objective.evaluate(set), objective.needs().denominator, set.totals)
            .item<double>() == 3.0);  // (2 + 4) / 2
  CHECK(objective.needs().use == ScoreUse::linear);
  CHECK(slopes(objective, set)[0][0].item<double>() == -0.2);
  CHECK(slopes(objective, set)[1][0].item<double>() == -1.0);
}

TEST_CASE("Sft under llada_parity takes a micro-batch's own mean", "[objective][sft]") {
  ScoreSet set = score_set(1, {-10, -4}, {}, {5, 1});
  set.totals.micro_batches = 2;
  set.totals.rows = 7;
  const Sft objective({.llada_parity = true});
  CHECK(objective.needs().denominator == Denominator::none);
  CHECK(objective.evaluate(set).loss_sum.item<double>() == 1.5);
}
