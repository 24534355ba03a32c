// SPDX-License-Identifier: MIT
#include "lldm/estimator/adaptive.hpp"

#include "lldm/errors.hpp"
#include "lldm/estimator/eubo.hpp"
#include "lldm/estimator/left_to_right.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Adaptive is the mean of as many plans of the wrapped estimator",
          "[estimator][adaptive]") {
  const Adaptive estimator({.min = 2, .max = 4}, LeftToRight({}));
  const ScorePlan most = plan_of(estimator);  // nothing adapts: max
  CHECK(most.copies() == 12);
  CHECK(most.num_replicates == 4);
  CHECK(weight_sum(most) == 3.0);
  CHECK(estimator.nominal_copies(3) == 12);
  const ScorePlan twice = plan_of(estimator.at(2));
  REQUIRE(twice.copies() == 6);
  CHECK(twice.replicate == std::vector<std::int32_t>{0, 0, 0, 1, 1, 1});
  CHECK(twice.nominal_copies == 6);
  for (const std::int64_t copy : {0, 1, 2, 3, 4, 5}) {
    CHECK(asked(twice, copy) == Tokens{copy % 3});
    CHECK(weights(twice, copy) == std::vector<double>{0.5});
    CHECK(shown(twice, copy) == shown(twice, copy % 3));
  }
  CHECK(asks_for_the_text(twice));
}

TEST_CASE("Adaptive repeats with draws of their own, the first with those of the wrapped estimator",
          "[estimator][adaptive]") {
  const MonteCarloElbo wrapped({.draws = 2});
  const Adaptive estimator({.min = 2, .max = 2}, wrapped);
  int different = 0;
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan alone = plan_of(wrapped, row), both = plan_of(estimator, row);
    REQUIRE(both.copies() == 4);
    CHECK(both.num_replicates == 2 * alone.num_replicates);
    for (const std::int64_t copy : {0, 1}) {
      CHECK(shown(both, copy) == shown(alone, copy));
      CHECK(weights(both, copy)[0] == 0.5 * weights(alone, copy)[0]);
    }
    different += shown(both, 0) != shown(both, 2) || shown(both, 1) != shown(both, 3);
  }
  CHECK(different > 35);
}

TEST_CASE("Adaptive declares the wrapped target and its own rule", "[estimator][adaptive]") {
  const Adaptive estimator({.min = 3, .max = 6, .standard_error = 0.5, .smoothing = 0.0},
                           MonteCarloElbo({.draws = 1}));
  CHECK(estimator.target(3).name == "elbo");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(estimator.adaptation().min == 3);
  CHECK(estimator.adaptation().max == 6);
  CHECK(estimator.adaptation().standard_error == 0.5);
  CHECK(!estimator.reads_schedule());
  CHECK(Adaptive({}, MonteCarloElbo({.count = MaskCount::bernoulli})).reads_schedule());
}

TEST_CASE("Adaptive takes variance / standard_error^2 repetitions, within its limits",
          "[estimator][adaptive]") {
  const Adaptation rule{.min = 2, .max = 8, .standard_error = 0.5, .smoothing = 0.5};
  // A squared error of 1/4 at 4 repetitions: variance 1 of one, 1 / (1/4) = 4 wanted.
  const AdaptationState first = next_evaluations(rule, {.evaluations = 4}, 0.25);
  CHECK(first.variance == 1.0);
  CHECK(first.evaluations == 4);
  // Then variance 1.5, half and half with the 1 before: 1.25 / (1/4) = 5.
  const AdaptationState second = next_evaluations(rule, first, 0.375);
  CHECK(second.variance == 1.25);
  CHECK(second.evaluations == 5);
  CHECK(next_evaluations(rule, first, 100.0).evaluations == 8);
  CHECK(next_evaluations(rule, {.evaluations = 4}, 0.0).evaluations == 2);
}

TEST_CASE("Adaptive refuses what cannot be repeated, and repetitions beyond its limits",
          "[estimator][adaptive]") {
  const Adaptive estimator({.min = 2, .max = 4}, LeftToRight({}));
  CHECK_THROWS_AS(estimator.at(1), ShapeError);
  CHECK_THROWS_AS(estimator.at(5), ShapeError);
  CHECK_THROWS_AS(Adaptive({}, estimator), ConfigError);  // adapts already
  CHECK_THROWS_AS(Adaptive({}, Eubo({})), ConfigError);   // no sum over evaluations
  CHECK_THROWS_WITH(Adaptive({.min = 5, .max = 4}, LeftToRight({})),
                    "[score_estimator] adaptive: min = 5 is more than max = 4\n  legal: 2 to 4");
}
