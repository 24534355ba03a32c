// SPDX-License-Identifier: MIT
#include "lldm/objective/normalize.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("log_ratios without a reference is refused", "[objective][normalise]") {
  const ScoreSet set = score_set(2, {-1, -2}, {}, {1, 1});
  CHECK_THROWS_WITH(log_ratios(set, Normalize::none),
                    "log_ratios: the score set has no reference scores");
}

TEST_CASE("preference_metrics: a tie counts one half", "[objective][normalise]") {
  const ScoreSet set =
      score_set(2, {-1, -2, -3, -3, -4, -4}, {-1, -1, -1, -1, -5, -1}, {1, 1, 1, 1, 1, 1});
  const auto metrics = preference_metrics(set, 0.5);
  CHECK(metrics.at("rewards/accuracies").sum == 2.5);  // 0 > -1, tie, 1 > -3
  CHECK(metrics.at("rewards/accuracies").count == 3.0);
  CHECK(metrics.at("rewards/chosen").value() == Approx(0.5 * (0 - 2 + 1) / 3).epsilon(1e-15));
  CHECK(metrics.at("rewards/rejected").value() == Approx(0.5 * (-1 - 2 - 3) / 3).epsilon(1e-15));
  CHECK(metrics.at("logps/chosen").value() == Approx(-8.0 / 3).epsilon(1e-15));
  CHECK(metrics.at("logps/rejected").value() == Approx(-3.0).epsilon(1e-15));
}
