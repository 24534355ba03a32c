// SPDX-License-Identifier: MIT
#include "lldm/estimator/exact.hpp"

#include <algorithm>
#include <cmath>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// The weights of a plan by the number of masked positions; all queries of one size weigh the same.
std::vector<double> weights_of_sizes(const ScorePlan& plan) {
  std::vector<double> by_size(4, 0.0);
  for (std::int64_t copy = 0; copy < plan.copies(); ++copy) {
    const Tokens masked = hidden(plan, copy);
    CHECK(asked(plan, copy) == masked);
    for (const double weight : weights(plan, copy)) {
      double& known = by_size[masked.size()];
      CHECK((known == 0.0 || known == weight));
      known = weight;
    }
  }
  return by_size;
}

void check_sizes(const ScorePlan& plan, double one, double two, double three) {
  const std::vector<double> by_size = weights_of_sizes(plan);
  CHECK(by_size[1] == Approx(one).epsilon(1e-13));
  CHECK(by_size[2] == Approx(two).epsilon(1e-13));
  CHECK(by_size[3] == Approx(three).epsilon(1e-13));
}

}  // namespace

TEST_CASE("Exact asks every non-empty mask, by default with the weights of the bound",
          "[estimator][exact]") {
  const ScorePlan plan = plan_of(Exact({}));
  REQUIRE(plan.copies() == 7);
  std::vector<Tokens> masks;
  for (std::int64_t copy = 0; copy < 7; ++copy) masks.push_back(hidden(plan, copy));
  std::ranges::sort(masks);
  CHECK(masks == std::vector<Tokens>{{0}, {0, 1}, {0, 1, 2}, {0, 2}, {1}, {1, 2}, {2}});
  check_sizes(plan, 1.0 / 3, 1.0 / 6, 1.0 / 3);  // 1 / (l C(3, l))
  CHECK(weight_sum(plan) == Approx(3.0).epsilon(1e-14));
  CHECK(asks_for_the_text(plan));
}

TEST_CASE("Exact elbo is the mean of the chain rule over all orders", "[estimator][exact]") {
  const laws::ToyTable model(3, 5, 9);
  double sum = 0;
  Tokens order{0, 1, 2};
  do {
    Tokens tokens{1, 2, kMask, kMask, kMask};
    for (const std::int64_t i : order) {
      const auto at = static_cast<std::size_t>(2 + i);
      const std::int64_t target = three_tokens().response[static_cast<std::size_t>(i)];
      sum += model.log_probability(tokens, 2 + i, target);
      tokens[at] = target;
    }
  } while (std::ranges::next_permutation(order).found);
  CHECK(score_of(model, plan_of(Exact({}))) == Approx(sum / 6).epsilon(1e-13));
}

TEST_CASE("Exact elbo_truncated integrates from its smallest time on", "[estimator][exact]") {
  // alpha = 1 - t from 0 to 1/2; 2 times the integrals of a^2, (1 - a) a and (1 - a)^2:
  // 2/24, 2/12 and 2 * 7/24.
  const Exact estimator({.target = ExactTarget::elbo_truncated, .time_min = 0.5});
  check_sizes(plan_of(estimator), 1.0 / 12, 1.0 / 6, 7.0 / 12);
  CHECK(estimator.target(3).name == "elbo_truncated(0.5)");
  CHECK(estimator.reads_schedule());
}

TEST_CASE("Exact trajectory_elbo sums over the steps of the grid", "[estimator][exact]") {
  // T = 2: alpha goes 1, 1/2, 0.  From 1/2: a quarter times a half for every size; from 0: all
  // three are masked, times a half.
  const Exact estimator({.target = ExactTarget::trajectory_elbo, .steps = 2});
  const ScorePlan plan = plan_of(estimator);
  check_sizes(plan, 0.125, 0.125, 0.625);
  CHECK(weight_sum(plan) == Approx(3.0).epsilon(1e-14));
  CHECK(estimator.target(3).name == "trajectory_elbo(2, uniform_time)");
  // One step: the wholly masked copy is all that any path passes through.
  const ScorePlan one = plan_of(Exact({.target = ExactTarget::trajectory_elbo, .steps = 1}));
  REQUIRE(one.copies() == 1);
  CHECK(hidden(one, 0) == Tokens{0, 1, 2});
  CHECK(weights(one, 0) == std::vector<double>{1.0, 1.0, 1.0});
}

TEST_CASE("Exact block_elbo enumerates inside each block, what is behind it masked and not asked",
          "[estimator][exact]") {
  const Exact estimator({.target = ExactTarget::block_elbo, .block_length = 2});
  const ScorePlan plan = plan_of(estimator);
  REQUIRE(plan.copies() == 4);
  const auto check = [&](std::int64_t copy, const Tokens& masks, const Tokens& asks,
                         double weight) {
    CHECK(hidden(plan, copy) == masks);
    CHECK(asked(plan, copy) == asks);
    CHECK(weights(plan, copy) == std::vector<double>(asks.size(), weight));
  };
  check(0, {2}, {2}, 1.0);
  check(1, {0, 2}, {0}, 0.5);  // 1 / (l C(2, l))
  check(2, {1, 2}, {1}, 0.5);
  check(3, {0, 1, 2}, {0, 1}, 0.5);
  CHECK(estimator.target(3).name == "block_elbo(2)");
  CHECK(estimator.nominal_copies(3) == 4);
}

TEST_CASE("Exact eubo takes the power mean over the masks of each position", "[estimator][exact]") {
  const Exact estimator({.target = ExactTarget::eubo, .sharpness = 2.0});
  const ScorePlan plan = plan_of(estimator);
  CHECK(plan.combination == Combination::log_mean_exp);
  CHECK(plan.sharpness == 2.0);
  double of_group[3] = {};
  for (const Query& query : plan.queries) {
    CHECK(query.group == query.position - 2);
    of_group[query.group] += query.weight;
  }
  for (const double sum : of_group) CHECK(sum == Approx(1.0).epsilon(1e-14));  // a mean
  CHECK(estimator.target(3).name == "eubo(2)");
  CHECK(estimator.target(3).combination == Combination::log_mean_exp);
}

TEST_CASE("Exact refuses more tokens than can be enumerated", "[estimator][exact]") {
  CHECK(Exact({}).nominal_copies(12) == 4095);
  CHECK_THROWS_WITH(plan_of(Exact({}), 0, Text{{1}, Tokens(13, 0)}),
                    "score estimator \"exact\": the text has 13 scored tokens, at most 12 can be "
                    "enumerated\n  it would take 2^13 - 1 forward passes; use another estimator or "
                    "shorter answers");
}
