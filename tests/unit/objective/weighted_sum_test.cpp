// SPDX-License-Identifier: MIT
#include "lldm/objective/weighted_sum.hpp"

#include "lldm/errors.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/kto.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/objective/stepwise_dpo.hpp"
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

TEST_CASE("WeightedSum declares the most demanding of its terms", "[objective][weighted_sum]") {
  const auto needs = [](std::vector<WeightedSum::Term> terms) {
    return WeightedSum(std::move(terms)).needs();
  };
  CHECK(needs({{"dpo", Dpo({}), 1}, {"ipo", Ipo({}), 1}}).use == ScoreUse::difference);
  CHECK(needs({{"dpo", Dpo({}), 1}, {"sft", Sft({}), 1}}).use == ScoreUse::each);
  CHECK(needs({{"sft", Sft({}), 1}, {"pretraining", Pretraining({}), 1}}).use == ScoreUse::linear);
  CHECK(needs({{"sft", Sft({}), 1}, {"stepwise_dpo", StepwiseDpo({}), 1}}).use == ScoreUse::parts);
  const ObjectiveNeeds kto = needs({{"stepwise_dpo", StepwiseDpo({}), 1}, {"kto", Kto({}), 1}});
  CHECK(kto.use == ScoreUse::coupled);
  CHECK(kto.mismatched);
  CHECK(kto.denominator == Denominator::none);
  CHECK(!needs({{"dpo", Dpo({}), 1}}).mismatched);
  CHECK(needs({{"dpo", Dpo({.ld_alpha = 0.3}), 1}, {"ipo", Ipo({.ld_alpha = 0.3}), 1}})
            .beyond_shared_length == 0.3);
}

TEST_CASE("WeightedSum: one weight behind the shared length for all terms",
          "[objective][weighted_sum]") {
  CHECK_THROWS_WITH(
      WeightedSum({{"dpo", Dpo({.ld_alpha = 0.3}), 1}, {"sft", Sft({}), 1}}),
      "[objective] terms: \"sft\" weighs the tokens behind the shared length by 1, \"dpo\" by 0.3 "
      "(ld_alpha): all terms read the same scores\n  give every term the same ld_alpha");
}

TEST_CASE("WeightedSum: metrics of equal names are told apart", "[objective][weighted_sum]") {
  const ScoreSet set = score_set(2, {-6, -1, -8, -2}, {-5, -2, -7, -4}, {3, 1, 2, 1});
  const auto metrics = WeightedSum({{"dpo", Dpo({.beta = 0.1}), 1}, {"ipo", Ipo({.beta = 0.4}), 1}})
                           .evaluate(set)
                           .metrics;
  CHECK(metrics.at("ipo/rewards/margins").value() ==
        Approx(4 * metrics.at("rewards/margins").value()).epsilon(1e-12));
  CHECK(metrics.contains("loss/dpo"));
}

TEST_CASE("WeightedSum: every term by its own denominator", "[objective][weighted_sum]") {
  const ScoreSet set =
      score_set(2, {-6, -1, -8, -2, -3, -3}, {-5, -2, -7, -4, -1, -2}, {3, 1, 2, 1, 4, 2});
  double dpo = 0, sft = 0, nats = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto at = [&](const at::Tensor& values, std::int64_t g) {
      return values[b][g].item<double>();
    };
    const double margin =
        at(set.policy, 0) - at(set.reference, 0) - at(set.policy, 1) + at(set.reference, 1);
    dpo += std::log1p(std::exp(-0.3 * margin)) / 3;
    sft -= at(set.policy, 0) / at(set.lengths, 0) / 3;
    nats -= at(set.policy, 0);
  }
  const WeightedSum sum({{"dpo", Dpo({.beta = 0.3}), 1.0},
                         {"sft", Sft({}), 0.05},
                         {"pretraining", Pretraining({}), 0.2}});
  CHECK(sum.evaluate(set).loss_sum.item<double>() ==
        Approx(dpo + 0.05 * sft + 0.2 * nats / 9).epsilon(1e-13));
}
