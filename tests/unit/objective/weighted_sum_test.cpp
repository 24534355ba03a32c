// SPDX-License-Identifier: MIT
#include "lldm/objective/weighted_sum.hpp"

#include "lldm/errors.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("WeightedSum: a single-answer term reads the chosen answers of the same scores",
          "[objective][weighted_sum]") {
  const WeightedSum sum({{"dpo", Dpo({.beta = 1.0}), 2.0}, {"sft", Sft({}), 0.5}});
  // Margins 0: log 2 each; sft (6 / 3 + 8 / 2) / 2 = 3.
  const ScoreSet set = score_set(2, {-6, -1, -8, -2}, {-6, -1, -8, -2}, {3, 1, 2, 1});
  CHECK(sum.evaluate(set).loss_sum.item<double>() ==
        Approx(2 * std::log(2.0) + 0.5 * 3).epsilon(1e-15));
  CHECK(sum.evaluate(set).metrics.at("loss/sft").value() == 3.0);
  CHECK(slopes(sum, set)[0][0].item<double>() == Approx(-2 * 0.5 / 2 - 0.5 / 3 / 2).epsilon(1e-15));
  CHECK(slopes(sum, set)[0][1].item<double>() == Approx(2 * 0.5 / 2).epsilon(1e-15));
}

TEST_CASE("WeightedSum refuses terms that do not fit, with what would be right",
          "[objective][weighted_sum]") {
  struct Listwise {
    ObjectiveNeeds needs() const { return {3, false, ScoreUse::each, Denominator::groups}; }
    ObjectiveResult evaluate(const ScoreSet& scores) const { return {scores.policy.sum(), {}}; }
  };
  CHECK_THROWS_WITH(WeightedSum({}), "[objective] terms: at least one term is needed");
  CHECK_THROWS_WITH(WeightedSum({{"dpo", Dpo({}), 1}, {"listwise", Listwise(), 1}}),
                    "[objective] terms: \"dpo\" compares 2 answers, another term 3");
  CHECK_THROWS_WITH(
      WeightedSum({{"dpo", Dpo({}), 1}, {"sft", Sft({.llada_parity = true}), 1}}),
      "[objective] terms: \"sft\" divides by its own micro-batch (llada_parity), which a sum over "
      "pairs does not have\n  set its llada_parity = false");
}
