// SPDX-License-Identifier: MIT
#include "lldm/estimator/any_order.hpp"

#include <cstdlib>
#include <map>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("AnyOrder reveals the tokens one by one, each asked just before it is shown",
          "[estimator][any_order]") {
  std::map<Tokens, int> orders;
  constexpr int kRows = 1200;
  for (std::uint64_t row = 0; row < kRows; ++row) {
    const ScorePlan plan = plan_of(AnyOrder({}), row);
    REQUIRE(plan.copies() == 3);
    REQUIRE(hidden(plan, 0) == Tokens{0, 1, 2});
    Tokens order;
    for (const std::int64_t copy : {0, 1, 2}) {
      REQUIRE(asked(plan, copy).size() == 1);
      REQUIRE(weights(plan, copy) == std::vector<double>{1.0});
      const std::int64_t next = asked(plan, copy)[0];
      Tokens left = hidden(plan, copy);
      REQUIRE(std::erase(left, next) == 1);
      if (copy < 2) REQUIRE(hidden(plan, copy + 1) == left);
      order.push_back(next);
    }
    REQUIRE(asks_for_the_text(plan));
    ++orders[order];
  }
  // All 3! orders alike: 200 each, with a standard deviation of 13.
  CHECK(orders.size() == 6);
  for (const auto& [order, times] : orders) CHECK(std::abs(times - 200) < 80);
}

TEST_CASE("AnyOrder averages independent orders", "[estimator][any_order]") {
  const AnyOrder estimator({.replicates = 2});
  int different = 0;
  for (std::uint64_t row = 0; row < 60; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    CHECK(plan.replicate == std::vector<std::int32_t>{0, 0, 0, 1, 1, 1});
    CHECK(plan.num_replicates == 2);
    CHECK(weight_sum(plan) == 3.0);  // R, as for every bound of R tokens
    CHECK(weights(plan, 5) == std::vector<double>{0.5});
    different += asked(plan, 0) != asked(plan, 3) || asked(plan, 1) != asked(plan, 4);
  }
  CHECK(different > 30);  // 5 of 6 expected
}

TEST_CASE("AnyOrder declares the bound and R passes an order", "[estimator][any_order]") {
  const AnyOrder estimator({.replicates = 2});
  CHECK(estimator.target(3).name == "elbo");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(estimator.nominal_copies(3) == 6);
  CHECK(!estimator.reads_schedule());
}
