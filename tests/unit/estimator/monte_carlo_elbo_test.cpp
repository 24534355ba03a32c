// SPDX-License-Identifier: MIT
#include "lldm/estimator/monte_carlo_elbo.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("MonteCarloElbo declares its target, its cost and what it reads",
          "[estimator][monte_carlo_elbo]") {
  const MonteCarloElbo counts({.draws = 6, .replicates = 2});
  CHECK(counts.target(4).name == "elbo");
  CHECK(counts.target(4).is_unbiased);
  CHECK(counts.nominal_copies(4) == 12);
  CHECK(!counts.reads_schedule());
  const MonteCarloElbo times({.count = MaskCount::bernoulli});
  CHECK(times.target(4).name == "elbo_truncated(0.001)");
  CHECK(times.reads_schedule());
  CHECK(
      !MonteCarloElbo({.draws = 8, .pairing = DrawPairing::llada_rounding}).target(4).is_unbiased);
}

TEST_CASE("MonteCarloElbo refuses options that do not fit, with the legal ones",
          "[estimator][monte_carlo_elbo]") {
  CHECK_THROWS_WITH(
      MonteCarloElbo({.draws = 4, .masks_per_time = 3}),
      "[score_estimator] monte_carlo_elbo: masks_per_time = 3 does not divide draws = "
      "4\n  legal: a divisor of draws");
  CHECK_THROWS_WITH(MonteCarloElbo({.draws = 3, .pairing = DrawPairing::antithetic}),
                    "[score_estimator] monte_carlo_elbo: pairing = \"antithetic\" needs an even "
                    "number of counts, "
                    "got draws / masks_per_time = 3\n  legal: draws = 4");
  CHECK_THROWS_WITH(
      MonteCarloElbo({.count = MaskCount::bernoulli, .pairing = DrawPairing::llada_rounding}),
      "[score_estimator] monte_carlo_elbo: pairing = \"llada_rounding\" is a rule for "
      "counts\n  with count = \"bernoulli\" use iid, stratified, systematic or "
      "antithetic");
}

TEST_CASE("MonteCarloElbo: copies of one time share a count and differ in their masks",
          "[estimator][monte_carlo_elbo]") {
  const World world = make_world(5);
  const Draws draws(5, "unit");
  int different = 0;
  for (std::uint64_t row = 0; row < 100; ++row) {
    const ScorePlan plan = MonteCarloElbo({.draws = 6, .masks_per_time = 3})
                               .plan(world.text, world.process, draws_of(draws, row));
    REQUIRE(plan.copies() == 6);
    for (const std::int64_t first : {0, 3}) {
      const auto a = subset_of(world, plan, first), b = subset_of(world, plan, first + 1);
      CHECK(bits(a) == bits(b));
      CHECK(bits(a) == bits(subset_of(world, plan, first + 2)));
      different += a != b;
      CHECK(plan.replicate[static_cast<std::size_t>(first)] == first / 3);
    }
  }
  CHECK(different > 80);
}

TEST_CASE("MonteCarloElbo: an antithetic partner is the complement and one masked position",
          "[estimator][monte_carlo_elbo]") {
  const World world = make_world(5);
  const Draws draws(6, "unit");
  for (std::uint64_t row = 0; row < 100; ++row) {
    const ScorePlan plan =
        MonteCarloElbo({.draws = 4, .masks_per_time = 2, .pairing = DrawPairing::antithetic})
            .plan(world.text, world.process, draws_of(draws, row));
    REQUIRE(plan.copies() == 4);
    for (const std::int64_t m : {0, 1}) {
      const auto first = subset_of(world, plan, m), second = subset_of(world, plan, m + 2);
      CHECK((first | second) == 31);
      CHECK(bits(first & second) == 1);
    }
    CHECK(plan.num_replicates == 1);  // one pair of counts
  }
}

TEST_CASE("MonteCarloElbo: antithetic times mask every position in one of the two copies",
          "[estimator][monte_carlo_elbo]") {
  // Linear schedule: u < t or u >= t - eps, so no position is visible in both.
  const World world = make_world(5);
  const Draws draws(7, "unit");
  for (std::uint64_t row = 0; row < 100; ++row) {
    const ScorePlan plan = MonteCarloElbo({.draws = 2,
                                           .count = MaskCount::bernoulli,
                                           .pairing = DrawPairing::antithetic,
                                           .time_min = 0.1})
                               .plan(world.text, world.process, draws_of(draws, row));
    std::size_t masked = 0;
    for (std::int64_t c = 0; c < plan.copies(); ++c) masked |= subset_of(world, plan, c);
    CHECK(masked == 31);
  }
}
