// SPDX-License-Identifier: MIT
#include "lldm/estimator/left_to_right.hpp"

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("LeftToRight asks each token with what is before it clean and all from it on masked",
          "[estimator][left_to_right]") {
  const LeftToRight estimator({});
  const ScorePlan plan = plan_of(estimator);
  REQUIRE(plan.copies() == 3);
  CHECK(shown(plan, 0) == Tokens{1, 2, kMask, kMask, kMask});
  CHECK(shown(plan, 1) == Tokens{1, 2, 0, kMask, kMask});
  CHECK(shown(plan, 2) == Tokens{1, 2, 0, 2, kMask});
  for (const std::int64_t i : {0, 1, 2}) {
    CHECK(asked(plan, i) == Tokens{i});
    CHECK(weights(plan, i) == std::vector<double>{1.0});
  }
  CHECK(asks_for_the_text(plan));
  CHECK(plan.constant == 0.0);
  CHECK(plan.num_replicates == 1);
}

TEST_CASE("LeftToRight is the chain rule", "[estimator][left_to_right]") {
  const laws::ToyTable model(3, 5, 4);
  const double chain = model.log_probability(Tokens{1, 2, kMask, kMask, kMask}, 2, 0) +
                       model.log_probability(Tokens{1, 2, 0, kMask, kMask}, 3, 2) +
                       model.log_probability(Tokens{1, 2, 0, 2, kMask}, 4, 1);
  CHECK(score_of(model, plan_of(LeftToRight({}))) == Approx(chain).epsilon(1e-14));
}

TEST_CASE("LeftToRight leaves what is not scored visible and clean", "[estimator][left_to_right]") {
  Text text = three_tokens();
  text.scored = 2;
  const ScorePlan plan = plan_of(LeftToRight({}), 0, text);
  REQUIRE(plan.copies() == 2);
  CHECK(shown(plan, 0) == Tokens{1, 2, kMask, kMask, 1});
  CHECK(shown(plan, 1) == Tokens{1, 2, 0, kMask, 1});
}

TEST_CASE("LeftToRight declares an exact target of its own and R passes",
          "[estimator][left_to_right]") {
  const LeftToRight estimator({});
  CHECK(estimator.target(3).name == "left_to_right");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(estimator.nominal_copies(3) == 3);
  CHECK(!estimator.reads_schedule());
}
