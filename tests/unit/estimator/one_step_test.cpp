// SPDX-License-Identifier: MIT
#include "lldm/estimator/one_step.hpp"

#include <cstdlib>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("OneStep asks every token of one wholly masked copy", "[estimator][one_step]") {
  const OneStep estimator({});
  const ScorePlan plan = plan_of(estimator);
  REQUIRE(plan.copies() == 1);
  CHECK(shown(plan, 0) == Tokens{1, 2, kMask, kMask, kMask});
  CHECK(asked(plan, 0) == Tokens{0, 1, 2});
  CHECK(weights(plan, 0) == std::vector<double>{1.0, 1.0, 1.0});
  CHECK(asks_for_the_text(plan));
  CHECK(estimator.target(3).name == "trajectory_elbo(1, uniform_time)");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(estimator.nominal_copies(3) == 1);
  CHECK(!estimator.reads_schedule());
}

TEST_CASE("OneStep masks prompt tokens with the probability that is asked for",
          "[estimator][one_step]") {
  const OneStep quarter({.prompt_mask_probability = 0.25});
  CHECK(quarter.target(3).name == "none");
  CHECK(!quarter.target(3).is_unbiased);
  int first = 0, second = 0, both = 0;
  constexpr int kRows = 4000;
  for (std::uint64_t row = 0; row < kRows; ++row) {
    const ScorePlan plan = plan_of(quarter, row);
    REQUIRE(hidden(plan, 0) == Tokens{0, 1, 2});
    const bool is_first = shown(plan, 0)[0] == kMask, is_second = shown(plan, 0)[1] == kMask;
    first += is_first;
    second += is_second;
    both += is_first && is_second;
  }
  // 1000 expected with a standard deviation of 27; both: 250 with 15.
  CHECK(std::abs(first - 1000) < 165);
  CHECK(std::abs(second - 1000) < 165);
  CHECK(std::abs(both - 250) < 90);
  CHECK(shown(plan_of(OneStep({.prompt_mask_probability = 1.0})), 0) == Tokens(5, kMask));
}

TEST_CASE("OneStep averages its replicates, which differ in the prompt alone",
          "[estimator][one_step]") {
  const OneStep twice({.prompt_mask_probability = 0.5, .replicates = 2});
  CHECK(twice.nominal_copies(3) == 2);
  int different = 0;
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan plan = plan_of(twice, row);
    REQUIRE(plan.copies() == 2);
    CHECK(plan.num_replicates == 2);
    CHECK(plan.replicate == std::vector<std::int32_t>{0, 1});
    for (const std::int64_t copy : {0, 1})
      CHECK(weights(plan, copy) == std::vector<double>{0.5, 0.5, 0.5});
    different += shown(plan, 0) != shown(plan, 1);
  }
  CHECK(different > 25);  // three quarters expected
  CHECK_THROWS_WITH(OneStep({.replicates = 2}),
                    "[score_estimator] one_step: replicates = 2 would be equal copies\n"
                    "  legal: 1, or prompt_mask_probability above 0");
}
