// SPDX-License-Identifier: MIT
#include "lldm/sampler/remasking/low_confidence.hpp"

#include <limits>

#include "lldm/sampler/commit.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "support/catch.hpp"
#include "support/mask_counter.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("LowConfidence trusts a candidate by the probability of its token and nothing else",
          "[remasking][low_confidence]") {
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  // The last would win by margin and by entropy, were they looked at.
  const std::vector<Candidate> candidates{
      {.position = 2, .token = 7, .probability = 0.5, .second_probability = 0.49, .entropy = 2.0},
      {.position = 3,
       .token = 1,
       .probability = 0.75,
       .second_probability = unknown,
       .entropy = unknown},
      {.position = 9, .token = 0, .probability = 0.25, .second_probability = 0.0, .entropy = 0.0}};
  const LowConfidence rule;
  Stream draws = Draws(1, "unit").stream(Purpose::sampling), untouched = draws;
  const std::vector<double> confidences = rule.confidence(candidates, draws);
  CHECK(confidences == std::vector<double>{0.5, 0.75, 0.25});
  CHECK(highest(confidences, 2) == Tokens{0, 1});  // what stays masked is the last
  CHECK(rule.statistics() == CandidateStatistics::probability);
  CHECK(draws.uniform() == untouched.uniform());  // nothing was drawn
  CHECK(rule.confidence({}, draws).empty());
  CHECK(LowConfidence::name() == "low_confidence");
}

TEST_CASE("LowConfidence commits in the order of the model's probabilities",
          "[remasking][low_confidence]") {
  // A named token with logit s among ten has probability e^s / (e^s + 9), rising in s.
  const auto order = [](const std::vector<double>& sureness) {
    return sample_by_counting<FixedLength>(
               {.canvas = {.response_length = 4}, .commit = {.steps = 4}}, LowConfidence(),
               MaskCounter(sureness))
        .reveal_step;
  };
  CHECK(order({4, 3, 2, 1}) == Tokens{0, 1, 2, 3});
  CHECK(order({1, 2, 3, 4}) == Tokens{3, 2, 1, 0});
  CHECK(order({1, 5, 1, 5}) == Tokens{2, 0, 3, 1});  // ties to the left
}
