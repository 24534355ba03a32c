// SPDX-License-Identifier: MIT
#include "lldm/estimator/block_aligned.hpp"

#include <cstdlib>
#include <map>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("BlockAligned masks inside one block, with what is before it clean and behind it masked",
          "[estimator][block_aligned]") {
  // Blocks of 2 cut three tokens into {0, 1} and {2}.
  const BlockAligned estimator({.block_length = 2});
  std::map<Tokens, int> asked_first;
  constexpr int kRows = 2000;
  for (std::uint64_t row = 0; row < kRows; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    REQUIRE(plan.copies() == 2);
    Tokens first = asked(plan, 0);
    ++asked_first[first];
    REQUIRE(weights(plan, 0) ==
            std::vector<double>(first.size(), 2.0 / double(first.size())));  // B_b / l
    first.push_back(2);
    REQUIRE(hidden(plan, 0) == first);
    REQUIRE(hidden(plan, 1) == Tokens{2});
    REQUIRE(asked(plan, 1) == Tokens{2});
    REQUIRE(weights(plan, 1) == std::vector<double>{1.0});
    REQUIRE(asks_for_the_text(plan));
  }
  // l = 1 or 2 alike, then the place: 1/4, 1/4, 1/2; standard deviations 19, 19, 22.
  CHECK(std::abs(asked_first[{0}] - 500) < 120);
  CHECK(std::abs(asked_first[{1}] - 500) < 120);
  CHECK(std::abs(asked_first[{0, 1}] - 1000) < 135);
}

TEST_CASE("BlockAligned averages its draws, each one replicate of the whole score",
          "[estimator][block_aligned]") {
  const BlockAligned estimator({.block_length = 2, .draws = 4});
  const ScorePlan plan = plan_of(estimator);
  CHECK(plan.copies() == 8);
  CHECK(plan.num_replicates == 4);
  CHECK(plan.replicate == std::vector<std::int32_t>{0, 0, 1, 1, 2, 2, 3, 3});
  CHECK(weight_sum(plan) == 3.0);
  CHECK(weights(plan, 7) == std::vector<double>{0.25});
}

TEST_CASE("BlockAligned is left_to_right at blocks of one token", "[estimator][block_aligned]") {
  const ScorePlan plan = plan_of(BlockAligned({.block_length = 1}));
  REQUIRE(plan.copies() == 3);
  CHECK(shown(plan, 0) == Tokens{1, 2, kMask, kMask, kMask});
  CHECK(shown(plan, 1) == Tokens{1, 2, 0, kMask, kMask});
  CHECK(shown(plan, 2) == Tokens{1, 2, 0, 2, kMask});
  for (const std::int64_t i : {0, 1, 2}) {
    CHECK(asked(plan, i) == Tokens{i});
    CHECK(weights(plan, i) == std::vector<double>{1.0});
  }
}

TEST_CASE("BlockAligned declares the bound of its blocks", "[estimator][block_aligned]") {
  const BlockAligned estimator({.block_length = 2, .draws = 4});
  CHECK(estimator.target(3).name == "block_elbo(2)");
  CHECK(estimator.target(3).is_unbiased);
  CHECK(estimator.nominal_copies(3) == 8);
  CHECK(estimator.nominal_copies(4) == 8);
  CHECK(!estimator.reads_schedule());
}
