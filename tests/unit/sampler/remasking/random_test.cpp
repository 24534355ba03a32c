// SPDX-License-Identifier: MIT
#include "lldm/sampler/remasking/random.hpp"

#include <cstdlib>
#include <map>

#include "lldm/sampler/fixed_length.hpp"
#include "support/catch.hpp"
#include "support/mask_counter.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("RandomOrder reads one uniform for each candidate, in the order of their columns",
          "[remasking][random]") {
  const std::vector<Candidate> candidates{
      {.position = 2, .token = 7, .probability = 0.99, .second_probability = 0, .entropy = 0},
      {.position = 3, .token = 1, .probability = 0.01, .second_probability = 0, .entropy = 0},
      {.position = 9, .token = 0, .probability = 0.50, .second_probability = 0, .entropy = 0}};
  const RandomOrder rule;
  Stream draws = Draws(1, "unit").stream(Purpose::sampling), same = draws;
  std::vector<double> expected(3);
  for (double& value : expected) value = same.uniform();
  CHECK(rule.confidence(candidates, draws) == expected);
  CHECK(draws.uniform() == same.uniform());  // and not one more
  CHECK(rule.statistics() == CandidateStatistics::none);
  CHECK(RandomOrder::name() == "random");
}

TEST_CASE("RandomOrder commits in every order alike, however sure the model is",
          "[remasking][random]") {
  const MaskCounter model({1, 20, 300});
  std::map<Tokens, int> orders;
  constexpr int kRows = 1200;
  for (std::uint64_t row = 0; row < kRows; ++row)
    ++orders[sample_by_counting<FixedLength>(
                 {.canvas = {.response_length = 3}, .commit = {.steps = 3}}, RandomOrder(), model,
                 row)
                 .reveal_step];
  // 3! orders, 200 each with a standard deviation of 13.
  CHECK(orders.size() == 6);
  for (const auto& [order, times] : orders) CHECK(std::abs(times - kRows / 6) < 80);
}
