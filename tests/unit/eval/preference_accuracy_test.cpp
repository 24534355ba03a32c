// SPDX-License-Identifier: MIT
#include "lldm/eval/preference_accuracy.hpp"

#include <cmath>
#include <limits>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
const Stream kStream = Draws(1, "test").stream(Purpose::bootstrap);
}

TEST_CASE("Preference accuracy counts ties one half", "[eval][preference_accuracy]") {
  const std::vector<ScoredPair> pairs = {{-1, -2}, {-3, -2}, {-5, -5}, {0, -1}};
  const auto result = preference_accuracy(pairs, kStream);
  CHECK(result.accuracy == 0.625);
  CHECK(result.pairs == 4);
  CHECK(result.ties == 1);
  CHECK(result.interval.low < 0.625);
  CHECK(result.interval.high > 0.625);
  const std::vector<ScoredPair> tied(10, ScoredPair{2, 2});
  CHECK(preference_accuracy(tied, kStream).interval == Interval{0.5, 0.5});
}

TEST_CASE("Scores that are not finite are refused", "[eval][preference_accuracy]") {
  const std::vector<ScoredPair> pairs = {{0, 0}, {std::numeric_limits<double>::quiet_NaN(), 0}};
  CHECK_THROWS_WITH(preference_accuracy(pairs, kStream),
                    "preference_accuracy: scores must be finite, pair 1 has nan and 0");
  CHECK_THROWS_AS(preference_accuracy({}, kStream), ShapeError);
}

TEST_CASE("Trivial rules: the shorter answer, and the commoner tokens",
          "[eval][preference_accuracy]") {
  const std::vector<TokenPair> pairs = {{{0, 0}, {0, 0, 0}}, {{1, 2, 3}, {1, 2}}, {{0, 1}, {2, 3}}};
  CHECK(preference_accuracy(shorter_wins(pairs), kStream).accuracy == 0.5);
  UnigramModel model(4, 0.5);
  model.learn(std::vector<std::int64_t>{0, 0, 0, 1});
  const double total = 4 + 0.5 * 4;
  CHECK(
      model.score(std::vector<std::int64_t>{0, 1, 2}) ==
      Approx(std::log(3.5 / total) + std::log(1.5 / total) + std::log(0.5 / total)).epsilon(1e-14));
  double sum = 0;  // a probability distribution
  for (std::int64_t id = 0; id < 4; ++id) sum += std::exp(model.score(std::vector{id}));
  CHECK(sum == Approx(1).epsilon(1e-14));
  CHECK(preference_accuracy(model.score(pairs), kStream).accuracy == Approx(2.0 / 3));
  CHECK_THROWS_AS(model.learn(std::vector<std::int64_t>{4}), ShapeError);
  CHECK_THROWS_AS(UnigramModel(0), ShapeError);
  CHECK_THROWS_AS(UnigramModel(3, 0), ShapeError);
}

TEST_CASE("Scores per token divide by the answers' lengths", "[eval][preference_accuracy]") {
  const std::vector<ScoredPair> scores = {{-6, -4}};
  const std::vector<TokenPair> tokens = {{{1, 2, 3}, {1}}};
  const auto result = per_token(scores, tokens);
  CHECK(result[0].chosen == -2);
  CHECK(result[0].rejected == -4);
  CHECK_THROWS_AS(per_token(scores, {}), ShapeError);
  CHECK_THROWS_AS(per_token(scores, std::vector<TokenPair>{{{}, {1}}}), ShapeError);
}
