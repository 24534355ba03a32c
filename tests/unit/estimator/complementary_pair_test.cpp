// SPDX-License-Identifier: MIT
#include "lldm/estimator/complementary_pair.hpp"

#include <algorithm>
#include <cstdlib>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("ComplementaryPair asks every token once, in a mask or in its complement",
          "[estimator][complementary_pair]") {
  const ComplementaryPair estimator({.pairs = 1});
  int sizes[4] = {};
  laws::Sampled sum;
  constexpr int kRows = 2000;
  for (std::uint64_t row = 0; row < kRows; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    REQUIRE(plan.asked == 2);
    Tokens all;
    for (std::int64_t copy = 0; copy < plan.copies(); ++copy) {
      const Tokens side = asked(plan, copy);
      REQUIRE(hidden(plan, copy) == side);
      // (R + 1) / 2k
      REQUIRE(weights(plan, copy) ==
              std::vector<double>(side.size(), 4.0 / static_cast<double>(2 * side.size())));
      all.insert(all.end(), side.begin(), side.end());
    }
    std::ranges::sort(all);
    REQUIRE(all == Tokens{0, 1, 2});
    REQUIRE(asks_for_the_text(plan));
    const bool is_first_side_empty = plan.slot[0] == 1;
    ++sizes[is_first_side_empty ? 0 : asked(plan, 0).size()];
    sum.add(weight_sum(plan));
  }
  for (const int times : sizes) CHECK(std::abs(times - 500) < 120);  // k uniform; deviation 19
  CHECK(sum.agrees(3.0));  // 4 with two sides, 2 with one: R on average
}

TEST_CASE("ComplementaryPair averages its pairs", "[estimator][complementary_pair]") {
  const ComplementaryPair estimator({.pairs = 3});
  const ScorePlan plan = plan_of(estimator);
  CHECK(plan.num_replicates == 3);
  CHECK(plan.asked == 6);
  CHECK(estimator.nominal_copies(3) == 6);
  CHECK(estimator.target(3).name == "elbo");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(!estimator.reads_schedule());
  for (std::int64_t copy = 0; copy < plan.copies(); ++copy)
    for (const double weight : weights(plan, copy))
      CHECK(weight == Approx(2.0 / 3 / static_cast<double>(asked(plan, copy).size())));
}

TEST_CASE("ComplementaryPair with DiffuCoder's weights halves the full mask and divides by rates",
          "[estimator][complementary_pair]") {
  const ComplementaryPair estimator({.pairs = 1, .weights = PairWeights::coupled_grpo});
  CHECK(!estimator.target(3).is_unbiased);
  CHECK(estimator.nominal_copies(3) == 3);
  laws::Sampled rates;
  for (std::uint64_t row = 0; row < 500; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    REQUIRE(asked(plan, 0) == Tokens{0, 1, 2});
    REQUIRE(weights(plan, 0) == std::vector<double>{0.5, 0.5, 0.5});
    if (plan.copies() < 3) continue;  // one side is empty
    const double rate = 0.5 / weights(plan, 1)[0];
    REQUIRE(rate >= 0.2);
    REQUIRE(rate < 0.8);
    REQUIRE(weights(plan, 2)[0] == Approx(0.5 / (1 - rate)).epsilon(1e-12));
    REQUIRE(asked(plan, 1).size() + asked(plan, 2).size() == 3);
    rates.add(rate);
  }
  CHECK(rates.agrees(0.5));  // by symmetry
}
