// SPDX-License-Identifier: MIT
#include "lldm/estimator/eubo.hpp"

#include <cstdlib>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Eubo puts every query into the group of its position", "[estimator][eubo]") {
  const Eubo estimator({.draws = 2, .sharpness = 1.5});
  const ScorePlan plan = plan_of(estimator);
  CHECK(plan.combination == Combination::log_mean_exp);
  CHECK(plan.sharpness == 1.5);
  for (const Query& query : plan.queries) CHECK(query.group == query.position - 2);
  CHECK(asks_for_the_text(plan));
}

TEST_CASE("Eubo: complementary masks leave no position out, with weights of one on average",
          "[estimator][eubo]") {
  const Eubo estimator({.draws = 2});
  laws::Sampled mean[3];
  int sizes[4] = {};  // of the first mask of the pair
  for (std::uint64_t row = 0; row < 1000; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    ++sizes[plan.slot[0] == 1 ? 0 : asked(plan, 0).size()];
    double of_group[3] = {};
    for (std::int64_t copy = 0; copy < plan.copies(); ++copy) {
      const Tokens side = asked(plan, copy);
      REQUIRE(hidden(plan, copy) == side);
      // (R + 1) / (k n)
      REQUIRE(weights(plan, copy) ==
              std::vector<double>(side.size(), 4.0 / static_cast<double>(2 * side.size())));
      for (const std::int64_t i : side) of_group[i] += weights(plan, copy)[0];
    }
    for (const int i : {0, 1, 2}) {
      REQUIRE(of_group[i] > 0);
      mean[i].add(of_group[i]);
    }
  }
  for (const laws::Sampled& group : mean) CHECK(group.agrees(1.0));
  for (const int times : sizes) CHECK(std::abs(times - 250) < 90);  // uniform; deviation 14
}

TEST_CASE("Eubo: independent masks have weights R / l n and sizes from one", "[estimator][eubo]") {
  const Eubo estimator({.draws = 3, .masks = EuboMasks::iid});
  laws::Sampled mean[3];
  int sizes[4] = {};
  for (std::uint64_t row = 0; row < 1000; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    REQUIRE(plan.copies() == 3);
    double of_group[3] = {};
    for (const std::int64_t copy : {0, 1, 2}) {
      const Tokens masked = asked(plan, copy);
      ++sizes[masked.size()];
      REQUIRE(weights(plan, copy)[0] == Approx(1.0 / static_cast<double>(masked.size())));
      for (const std::int64_t i : masked) of_group[i] += weights(plan, copy)[0];
    }
    for (const int i : {0, 1, 2}) mean[i].add(of_group[i]);
  }
  for (const laws::Sampled& group : mean) CHECK(group.agrees(1.0));
  CHECK(sizes[0] == 0);
  for (const int size : {1, 2, 3}) CHECK(std::abs(sizes[size] - 1000) < 160);  // deviation 26
}

TEST_CASE("Eubo declares that it is biased and refuses a mask without complement",
          "[estimator][eubo]") {
  const Eubo estimator({.draws = 4, .sharpness = 2.0});
  CHECK(estimator.target(3).name == "eubo(2)");
  CHECK(!estimator.target(3).is_unbiased);
  CHECK(estimator.target(3).combination == Combination::log_mean_exp);
  CHECK(estimator.nominal_copies(3) == 4);
  CHECK(!estimator.reads_schedule());
  CHECK_THROWS_WITH(Eubo({.draws = 3}),
                    "[score_estimator] eubo: draws = 3 leaves a mask without its complement\n"
                    "  legal: even numbers, or masks = \"iid\"");
}
