// SPDX-License-Identifier: MIT
#include "lldm/estimator/recorded_trajectory.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// The middle token was written in step 2, the two around it in step 5.
Text recorded() {
  Text text = three_tokens();
  text.reveal_step = {5, 2, 5};
  return text;
}

}  // namespace

TEST_CASE("RecordedTrajectory asks the tokens of a step with those of earlier steps clean",
          "[estimator][recorded_trajectory]") {
  const ScorePlan plan = plan_of(RecordedTrajectory({}), 0, recorded());
  REQUIRE(plan.copies() == 2);
  CHECK(shown(plan, 0) == Tokens{1, 2, kMask, kMask, kMask});
  CHECK(asked(plan, 0) == Tokens{1});
  CHECK(shown(plan, 1) == Tokens{1, 2, kMask, 2, kMask});
  CHECK(asked(plan, 1) == Tokens{0, 2});
  CHECK(weights(plan, 0) == std::vector<double>{1.0});
  CHECK(weights(plan, 1) == std::vector<double>{1.0, 1.0});
  CHECK(asks_for_the_text(plan));
  CHECK(plan.num_replicates == 1);
}

TEST_CASE("RecordedTrajectory merges neighbouring steps by shrink, down to one pass",
          "[estimator][recorded_trajectory]") {
  const ScorePlan merged = plan_of(RecordedTrajectory({.shrink = 2}), 0, recorded());
  REQUIRE(merged.copies() == 1);
  CHECK(hidden(merged, 0) == Tokens{0, 1, 2});
  CHECK(asked(merged, 0) == Tokens{0, 1, 2});
  Text apart = three_tokens();
  apart.reveal_step = {7, 0, 3};  // written in the order 1, 2, 0
  const ScorePlan plan = plan_of(RecordedTrajectory({.shrink = 2}), 0, apart);
  REQUIRE(plan.copies() == 2);
  CHECK(asked(plan, 0) == Tokens{1, 2});
  CHECK(shown(plan, 1) == Tokens{1, 2, kMask, 2, 1});
  CHECK(asked(plan, 1) == Tokens{0});
}

TEST_CASE("RecordedTrajectory gives the same plan whatever is drawn",
          "[estimator][recorded_trajectory]") {
  const RecordedTrajectory estimator({});
  CHECK(laws::same_plan(plan_of(estimator, 0, recorded()), plan_of(estimator, 1, recorded())));
  CHECK(RecordedTrajectory({.shrink = 2}).target(3).name == "recorded_trajectory(2)");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(RecordedTrajectory({.shrink = 2}).nominal_copies(3) == 2);  // of a text not yet seen
  CHECK(!estimator.reads_schedule());
}

TEST_CASE("RecordedTrajectory refuses a text whose order is not known",
          "[estimator][recorded_trajectory]") {
  CHECK_THROWS_AS(plan_of(RecordedTrajectory({})), DataError);
  Text short_of_one = three_tokens();
  short_of_one.reveal_step = {0, 1};
  CHECK_THROWS_WITH(plan_of(RecordedTrajectory({}), 0, short_of_one),
                    "score estimator \"recorded_trajectory\": the text has 2 recorded steps for 3 "
                    "response tokens\n  one step per token of the canvas");
}
