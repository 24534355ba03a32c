// SPDX-License-Identifier: MIT
// any_order, left_to_right, one_step, complementary_pair, quadrature, block_aligned and exact
// against enumeration: means and gradients, variances, and the bias of those that declare one.
#include <algorithm>
#include <numeric>

#include "lldm/errors.hpp"
#include "lldm/estimator/any_order.hpp"
#include "lldm/estimator/block_aligned.hpp"
#include "lldm/estimator/complementary_pair.hpp"
#include "lldm/estimator/exact.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/left_to_right.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/one_step.hpp"
#include "lldm/estimator/quadrature.hpp"
#include "support/catch.hpp"
#include "support/estimator_laws.hpp"
#include "support/exact_moments.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr int kDraws = 40000;

/// The weights of one plan of an estimator that draws nothing.
std::vector<double> plan_of(const World& world, const AnyScoreEstimator& estimator) {
  const Draws draws(1, "conformance");
  const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, 0));
  CHECK(structure_failure(world, plan, estimator) == "");
  return plan_weights(world, plan);
}

bool close(const std::vector<double>& a, const std::vector<double>& b, double margin = 1e-12) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](double x, double y) {
           return std::abs(x - y) <= margin;
         });
}

/// Positions b .. R-1 of the block structure: the chain rule inside blocks of `length`.
std::vector<double> block_weights(std::size_t size, std::size_t length) {
  std::vector<double> weights((std::size_t{1} << size) * size, 0.0);
  for (std::size_t begin = 0; begin < size; begin += length) {
    const std::size_t n = std::min(length, size - begin);
    const std::size_t behind =
        ((std::size_t{1} << size) - 1) & ~((std::size_t{1} << (begin + n)) - 1);
    for (std::size_t inside = 1; inside < std::size_t{1} << n; ++inside) {
      const int l = bits(inside);
      for (std::size_t i = 0; i < n; ++i)
        if (inside >> i & 1)
          weights[((inside << begin) | behind) * size + begin + i] +=
              1.0 / (l * binomial(static_cast<int>(n), l));
    }
  }
  return weights;
}

/// The weights that a rule with Bernoulli masks has in expectation.
std::vector<double> rule_weights(std::size_t size, const QuadratureRule& rule) {
  const int n = static_cast<int>(size);
  return weights_by_count(size, [&](int l) {
    double sum = 0;
    for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
      const double t = rule.nodes[k];
      sum += rule.weights[k] * std::pow(t, l - 1) * std::pow(1.0 - t, n - l);
    }
    return sum;
  });
}

}  // namespace

TEST_CASE("any_order: mean and gradient of elbo, the variance of one order",
          "[conformance][estimator]") {
  const World world = make_world(4, CosineSchedule());
  CHECK(mean_failure(world, AnyOrder({}), elbo_weights(4), 0, kDraws) == "");
  std::vector<std::size_t> order(4);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::pair<double, double>> outcomes;
  do {
    double score = 0;
    std::size_t masked = 15;
    for (const std::size_t i : order) {
      score += world.subsets.at(masked, i);
      masked &= ~(std::size_t{1} << i);
    }
    outcomes.emplace_back(1.0 / 24, score);
  } while (std::next_permutation(order.begin(), order.end()));
  Moments exact = moments_of(outcomes);
  CHECK(variance_failure(world, AnyOrder({}), exact, kDraws) == "");
  exact.variance /= 3;
  CHECK(variance_failure(world, AnyOrder({.replicates = 3}), exact, kDraws) == "");
  CHECK(AnyOrder({.replicates = 3}).nominal_copies(5) == 15);
}

TEST_CASE("left_to_right: the chain rule, exactly", "[conformance][estimator]") {
  const World world = make_world(4);
  const auto weights = plan_of(world, LeftToRight({}));
  CHECK(close(weights, block_weights(4, 1)));
  double chain = 0;
  for (std::size_t i = 0; i < 4; ++i) chain += world.subsets.at((15U >> i) << i, i);
  CHECK(dot(weights, world.subsets.logp) == Approx(chain));
}

TEST_CASE("one_step: trajectory_elbo(1); with a masked prompt the mean over its masks",
          "[conformance][estimator]") {
  const World world = make_world(3, CosineSchedule());
  CHECK(close(plan_of(world, OneStep({})), trajectory_weights(3, {1.0, 0.0})));
  CHECK(OneStep({}).target(3).is_unbiased);
  const OneStep masked({.prompt_mask_probability = 0.3, .replicates = 2});
  CHECK(masked.target(3).name == "none");
  // Two prompt tokens, four ways to mask them.
  World wide = make_world(2);
  wide.text.prompt = {1};
  const auto score = [&](std::span<const std::int64_t> tokens) {
    double sum = 0;
    for (std::size_t i = 0; i < 2; ++i)
      sum += wide.model.log_probability(tokens, static_cast<std::int64_t>(1 + i),
                                        wide.text.response[i]);
    return sum;
  };
  const std::int64_t mask = wide.model.mask_token();
  const std::vector<std::int64_t> clean{1, mask, mask}, hidden{mask, mask, mask};
  const double exact = 0.7 * score(clean) + 0.3 * score(hidden);
  const Draws draws(21, "conformance");
  Sampled sampled;
  for (std::uint64_t row = 0; row < 20000; ++row) {
    const ScorePlan plan = masked.plan(wide.text, wide.process, draws_of(draws, row));
    REQUIRE(plan.copies() == 2);
    double s = 0;
    for (const Query& query : plan.queries)
      s += query.weight *
           wide.model.log_probability(plan.copy(query.copy), query.position, query.target);
    sampled.add(s);
  }
  CHECK(sampled.agrees(exact));
  CHECK_THROWS_AS(OneStep({.replicates = 2}), ConfigError);  // equal copies
}

TEST_CASE("complementary_pair: unbiased with ESPO's weights, with DiffuCoder's biased as computed",
          "[conformance][estimator]") {
  for (const std::size_t size : {1, 2, 4}) {
    const World world = make_world(size, CosineSchedule());
    const int n = static_cast<int>(size);
    INFO("R = " << size);
    CHECK(mean_failure(world, ComplementaryPair({.pairs = 1}), elbo_weights(size), 0, kDraws) ==
          "");
    std::vector<std::pair<double, double>> outcomes;
    const std::size_t all = world.subsets.subsets() - 1;
    for (std::size_t subset = 0; subset <= all; ++subset) {
      const int k = bits(subset);
      double s = 0;
      if (k > 0) s += 0.5 * (n + 1) / k * world.subsets.sum(subset);
      if (k < n) s += 0.5 * (n + 1) / (n - k) * world.subsets.sum(all & ~subset);
      outcomes.emplace_back(1.0 / ((n + 1) * binomial(n, k)), s);
    }
    Moments exact = moments_of(outcomes);
    exact.variance /= 2;
    CHECK(variance_failure(world, ComplementaryPair({.pairs = 2}), exact, kDraws) == "");

    const ComplementaryPair coupled({.pairs = 1, .weights = PairWeights::coupled_grpo});
    CHECK(!coupled.target(4).is_unbiased);
    CHECK(coupled.nominal_copies(4) == 3);
    auto biased = weights_by_count(size, [n](int l) {
      double mean = 0;
      for (int q = 0; q < 20000; ++q) {
        const double r = 0.2 + 0.6 * (q + 0.5) / 20000;
        mean += std::pow(r, l - 1) * std::pow(1 - r, n - l) / 20000;
      }
      return mean;  // M and its complement alike, r being symmetric about one half
    });
    for (std::size_t i = 0; i < size; ++i) biased[all * size + i] += 0.5;
    CHECK(mean_failure(world, coupled, biased, 0, kDraws) == "");
    if (size > 1)
      CHECK(std::abs(dot(biased, world.subsets.logp) -
                     dot(elbo_weights(size), world.subsets.logp)) > 0.01);
  }
}

TEST_CASE("Quadrature rules: exact for the polynomials they are exact for",
          "[conformance][estimator]") {
  for (std::int64_t n : {1, 2, 3, 4, 7, 16, 33}) {
    const QuadratureRule rule = gauss_legendre(n);
    REQUIRE(std::is_sorted(rule.nodes.begin(), rule.nodes.end()));
    for (std::int64_t degree = 0; degree <= 2 * n - 1; ++degree) {
      double integral = 0;
      for (std::size_t k = 0; k < rule.nodes.size(); ++k)
        integral += rule.weights[k] * std::pow(rule.nodes[k], degree);
      CHECK(integral == Approx(1.0 / static_cast<double>(degree + 1)).epsilon(1e-12));
    }
  }
  const QuadratureRule rule = simpson(5);
  double cube = 0, fourth = 0;
  for (std::size_t k = 0; k < 5; ++k) {
    cube += rule.weights[k] * std::pow(rule.nodes[k], 3);
    fourth += rule.weights[k] * std::pow(rule.nodes[k], 4);
  }
  CHECK(cube == Approx(0.25).epsilon(1e-14));
  CHECK(std::abs(fourth - 0.2) > 1e-4);
  CHECK_THROWS_AS(gauss_legendre(0), ShapeError);
  CHECK_THROWS_AS(simpson(4), ShapeError);
}

TEST_CASE("quadrature: from R / 2 Gauss nodes on it is elbo, below its bias is the rule's",
          "[conformance][estimator]") {
  for (const std::size_t size : {1, 2, 3, 5}) {
    const World world = make_world(size, CosineSchedule());
    for (const std::int64_t nodes : {1, 2, 3}) {
      const Quadrature estimator({.nodes = nodes});
      const bool is_exact = 2 * nodes >= static_cast<std::int64_t>(size);
      INFO("R = " << size << ", N = " << nodes);
      CHECK(estimator.target(static_cast<std::int64_t>(size)).is_unbiased == is_exact);
      const auto weights = rule_weights(size, gauss_legendre(nodes));
      CHECK(close(weights, elbo_weights(size)) == is_exact);
      CHECK(mean_failure(world, estimator, weights, 0, kDraws) == "");
      // The masks of different nodes are independent: their variances add up.
      const QuadratureRule rule = gauss_legendre(nodes);
      const ScheduleFormula plain{.alpha = [](double t) { return 1.0 - t; },
                                  .derivative = [](double) { return -1.0; }};
      Moments exact;
      for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
        const Moments at = moments_at_time(world.subsets, plain, rule.nodes[k]);
        exact.mean += rule.weights[k] * at.mean;
        exact.variance += rule.weights[k] * rule.weights[k] * at.variance;
      }
      CHECK(variance_failure(world, estimator, exact, kDraws) == "");
    }
  }
}

TEST_CASE("quadrature: simpson and rounded_count are biased as computed",
          "[conformance][estimator]") {
  const World world = make_world(4);
  const Quadrature by_simpson({.nodes = 3, .rule = QuadratureNodes::simpson});
  CHECK(!by_simpson.target(1).is_unbiased);
  // At t = 0 the limit of t^(l-1) is 1 for l = 1: one position, drawn uniformly, times R.
  CHECK(mean_failure(world, by_simpson, rule_weights(4, simpson(3)), 0, kDraws) == "");
  const Quadrature rounded({.nodes = 2, .mask = NodeMask::rounded_count});
  CHECK(!rounded.target(1).is_unbiased);
  const QuadratureRule rule = gauss_legendre(2);
  const auto weights = weights_by_count(4, [&](int l) {
    double sum = 0;
    for (std::size_t k = 0; k < 2; ++k)
      if (std::max(1L, std::lround(4 * rule.nodes[k])) == l)
        sum += rule.weights[k] / rule.nodes[k] / binomial(4, l);
    return sum;
  });
  CHECK(mean_failure(world, rounded, weights, 0, kDraws) == "");
  CHECK_THROWS_AS(Quadrature({.nodes = 4, .rule = QuadratureNodes::simpson}), ConfigError);
  CHECK_THROWS_AS(Quadrature({.nodes = 0}), ConfigError);
}

TEST_CASE("block_aligned: block_elbo; one block is elbo, blocks of one are left_to_right",
          "[conformance][estimator]") {
  const World world = make_world(5, CosineSchedule());
  CHECK(close(block_weights(5, 5), elbo_weights(5)));
  for (const std::int64_t length : {1, 2, 3, 5, 9}) {
    const BlockAligned estimator({.block_length = length, .draws = 2});
    INFO("block_length = " << length);
    CHECK(
        mean_failure(world, estimator,
                     block_weights(5, static_cast<std::size_t>(std::min<std::int64_t>(length, 5))),
                     0, kDraws) == "");
  }
  CHECK(close(plan_of(world, BlockAligned({.block_length = 1})), block_weights(5, 1)));
  CHECK(BlockAligned({.block_length = 2, .draws = 3}).nominal_copies(5) == 9);
}

TEST_CASE("exact: the targets themselves, in one plan", "[conformance][estimator]") {
  for (const NamedSchedule& schedule : named_schedules())
    for (const std::size_t size : {1, 3, 5}) {
      const World world = make_world(size, schedule.schedule);
      INFO(schedule.name << ", R = " << size);
      CHECK(close(plan_of(world, Exact({})), elbo_weights(size)));
      const double eps = 0.1;
      CHECK(close(
          plan_of(world, Exact({.target = ExactTarget::elbo_truncated, .time_min = eps})),
          truncated_weights(size, eps, schedule.formula.alpha(eps), schedule.formula.alpha(1.0)),
          1e-10));
      const std::vector<double> alphas = closed_alphas(4, schedule.formula.alpha);
      CHECK(close(plan_of(world, Exact({.target = ExactTarget::trajectory_elbo, .steps = 4})),
                  trajectory_weights(size, alphas)));
    }
  for (const std::int64_t length : {1, 2, 3, 5, 7}) {
    const World world = make_world(5);
    INFO("blocks of " << length);
    CHECK(close(plan_of(world, Exact({.target = ExactTarget::block_elbo, .block_length = length})),
                block_weights(5, static_cast<std::size_t>(std::min<std::int64_t>(length, 5)))));
  }
  World world = make_world(3);
  Text longer{{0}, std::vector<std::int64_t>(13, 1), -1};
  const Draws draws(1, "conformance");
  CHECK_THROWS_AS(Exact({}).plan(longer, world.process, draws_of(draws, 0)), DataError);
}

TEST_CASE("The further estimators: equal draws, equal plans; rows and answers draw for themselves",
          "[conformance][estimator]") {
  const World world = make_world(5, CosineSchedule());
  const std::vector<AnyScoreEstimator> estimators{
      AnyOrder({}), ComplementaryPair({}),
      ComplementaryPair({.weights = PairWeights::coupled_grpo}), Quadrature({}),
      BlockAligned({.block_length = 3})};
  for (const AnyScoreEstimator& estimator : estimators) {
    const Draws draws(13, "stage"), again(13, "stage");
    int equal_rows = 0;
    for (std::uint64_t row = 0; row < 20; ++row) {
      const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, row));
      CHECK(same_plan(plan, estimator.plan(world.text, world.process, draws_of(again, row))));
      equal_rows +=
          same_plan(plan, estimator.plan(world.text, world.process, draws_of(draws, row + 1)));
    }
    CHECK(equal_rows < 10);
    CHECK(independence_failure(world, estimator, 4000) == "");
    CHECK_THROWS_AS(estimator.plan(Text{{1}, {}, -1}, world.process, draws_of(draws, 0)),
                    DataError);
  }
}

TEST_CASE("The further schedules: the estimators that read them keep their targets",
          "[conformance][estimator]") {
  constexpr double eps = 0.1;
  for (const NamedSchedule& schedule : further_schedules()) {
    INFO(schedule.name);
    const World world = make_world(3, schedule.schedule);
    const auto weights =
        truncated_weights(3, eps, schedule.formula.alpha(eps), schedule.formula.alpha(1.0));
    double integral = 0;
    for (int q = 0; q < 20000; ++q)
      integral +=
          moments_at_time(world.subsets, schedule.formula, eps + (1 - eps) * (q + 0.5) / 20000)
              .mean /
          20000;
    CHECK(dot(weights, world.subsets.logp) == Approx(integral).epsilon(1e-6));
    const MonteCarloElbo timed({.draws = 2, .count = MaskCount::bernoulli, .time_min = eps});
    CHECK(mean_failure(world, timed, weights, 0, kDraws) == "");
    const auto alphas = closed_alphas(4, schedule.formula.alpha);
    CHECK(mean_failure(world, FullTrajectory({.steps = 4}), trajectory_weights(3, alphas), 0,
                       kDraws) == "");
  }
}
