// SPDX-License-Identifier: MIT
#include "lldm/score/combine.hpp"

#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

ScorePlan plan_of(std::vector<Query> queries, Combination combination, double constant = 0) {
  ScorePlan plan;
  plan.queries = std::move(queries);
  plan.combination = combination;
  plan.constant = constant;
  return plan;
}

}  // namespace

TEST_CASE("combine: a sum is the constant plus weighted readouts, its parts go by copy",
          "[score][combine]") {
  const std::vector<ScorePlan> plans{
      plan_of({{0, 1, 0, 2.0}, {0, 2, 0, 1.0}, {2, 1, 0, 0.5}}, Combination::sum, -1.0),
      plan_of({{0, 1, 0, 4.0}}, Combination::sum)};
  const CombinedScores combined =
      combine(plans, at::tensor(std::vector<double>{-1, -2, -3, -4}, at::kDouble));
  CHECK(combined.scores[0].item<double>() == -1.0 - 2 - 2 - 1.5);
  CHECK(combined.scores[1].item<double>() == -16.0);
  REQUIRE(combined.parts.size(1) == 3);
  CHECK(combined.parts[0][0].item<double>() == -4.0);
  CHECK(combined.parts[0][1].item<double>() == 0.0);
  CHECK(combined.parts[0][2].item<double>() == -1.5);
  CHECK(combined.parts[1][2].item<double>() == 0.0);
}

TEST_CASE("combine: log_mean_exp is its closed form, also where exp overflows",
          "[score][combine]") {
  for (const double shift : {0.0, -2000.0, 900.0})
    for (const double sharpness : {0.5, 1.0, 2.0}) {
      ScorePlan plan =
          plan_of({{0, 1, 0, 0.25, 0}, {0, 2, 0, 0.5, 2}, {1, 1, 0, 0.75, 0}, {1, 2, 0, 0.5, 2}},
                  Combination::log_mean_exp, 3.0);
      plan.sharpness = sharpness;
      const std::vector<double> r{shift - 1, shift - 2, shift - 3, shift - 0.5};
      const at::Tensor leaf = at::tensor(r, at::kDouble).set_requires_grad(true);
      const CombinedScores combined = combine(std::span(&plan, 1), leaf);
      const auto term = [&](double w, double value) {
        return w * std::exp(sharpness * (value - shift));
      };
      const double first = term(0.25, r[0]) + term(0.75, r[2]),
                   second = term(0.5, r[1]) + term(0.5, r[3]);
      CHECK(combined.scores[0].item<double>() ==
            Approx(3.0 + 2 * shift + (std::log(first) + std::log(second)) / sharpness)
                .epsilon(1e-12));
      CHECK(!combined.parts.defined());
      const at::Tensor slope = torch::autograd::grad({combined.scores.sum()}, {leaf}).front();
      CHECK(slope[0].item<double>() == Approx(term(0.25, r[0]) / first).epsilon(1e-12));
      CHECK(slope[3].item<double>() == Approx(term(0.5, r[3]) / second).epsilon(1e-12));
    }
}

TEST_CASE("combine: equal readouts make log_mean_exp with weights of sum one their mean",
          "[score][combine]") {
  ScorePlan plan = plan_of({{0, 1, 0, 0.5, 0}, {1, 1, 0, 0.5, 0}}, Combination::log_mean_exp);
  const auto scores = combine(std::span(&plan, 1), at::tensor(std::vector<double>{-7, -7})).scores;
  CHECK(scores.item<double>() == Approx(-7.0).epsilon(1e-15));
}

TEST_CASE("combine: what does not fit together is refused", "[score][combine]") {
  const std::vector<ScorePlan> mixed{plan_of({{0, 1, 0, 1.0}}, Combination::sum),
                                     plan_of({{0, 1, 0, 1.0}}, Combination::log_mean_exp)};
  const at::Tensor two = at::tensor(std::vector<double>{-1, -2}, at::kDouble);
  CHECK_THROWS_WITH(combine(mixed, two), contains("mix combinations"));
  CHECK_THROWS_WITH(combine(std::span(mixed).first(1), two), contains("must be [1], got [2]"));
  CHECK_THROWS_WITH(combine({}, two), contains("no plans"));
}

TEST_CASE("standard_errors: replicates are independent means, one replicate knows no error",
          "[score][combine]") {
  ScorePlan plan = plan_of({{0, 1, 0, 0.5}, {1, 1, 0, 0.25}, {2, 1, 0, 0.25}}, Combination::sum);
  plan.replicate = {0, 1, 1};
  plan.num_replicates = 2;
  const std::vector<double> r{-4, -2, -6};
  // Replicate values 2 * 0.5 * -4 = -4 and 2 * 0.25 * (-2 - 6) = -4: no spread.
  CHECK(standard_errors(std::span(&plan, 1), r).front() == 0.0);
  const std::vector<double> spread{-4, -2, -2};
  // -4 and -2: standard deviation sqrt(2), over sqrt(2).
  CHECK(standard_errors(std::span(&plan, 1), spread).front() == Approx(1.0).epsilon(1e-15));
  plan.num_replicates = 1, plan.replicate = {0, 0, 0};
  CHECK(std::isnan(standard_errors(std::span(&plan, 1), r).front()));
  plan.num_replicates = 2, plan.combination = Combination::log_mean_exp;
  CHECK(std::isnan(standard_errors(std::span(&plan, 1), r).front()));
}

TEST_CASE("standard_errors: their square is the variance of the score, on average",
          "[score][combine]") {
  const World world = make_world(3);
  const auto alphas = closed_alphas(3, [](double t) { return 1.0 - t * t; });
  struct SquareSchedule {
    double alpha(double t) const { return 1.0 - t * t; }
    double alpha_derivative(double t) const { return -2.0 * t; }
    double inverse_alpha(double a) const { return std::sqrt(1.0 - a); }
  };
  const AnyForwardProcess process = MaskedProcess(3, SquareSchedule());
  const std::vector<AnyScoreEstimator> estimators{
      MonteCarloElbo({.draws = 4}), MonteCarloElbo({.draws = 4, .masks_per_time = 2}),
      MonteCarloElbo({.draws = 4, .pairing = DrawPairing::antithetic}),
      MonteCarloElbo({.draws = 2, .pairing = DrawPairing::stratified, .replicates = 3}),
      MonteCarloElbo({.draws = 2, .count = MaskCount::bernoulli, .time_min = 0.2}),
      FullTrajectory({.steps = 3, .replicates = 2}),
      // Steps of unequal mass: the reveal terms differ by path and belong to the error.
      FullTrajectory({.steps = 3, .include_reveal_terms = true, .replicates = 2})};
  const Draws draws(31, "errors");
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    Sampled score, squared_error;
    for (std::uint64_t row = 0; row < 20000; ++row) {
      const ScorePlan plan = estimators[e].plan(world.text, process, draws_of(draws, row));
      std::vector<double> readouts;
      double s = plan.constant;
      for (const Query& query : plan.queries) {
        readouts.push_back(
            world.model.log_probability(plan.copy(query.copy), query.position, query.target));
        s += query.weight * readouts.back();
      }
      score.add(s);
      squared_error.add(std::pow(standard_errors(std::span(&plan, 1), readouts).front(), 2));
    }
    INFO("estimator " << e);
    CHECK(squared_error.mean() == Approx(score.variance()).epsilon(0.08));
  }
  // Pairings that make one replicate of all their draws say nothing.
  for (const auto pairing : {DrawPairing::stratified, DrawPairing::systematic}) {
    const ScorePlan plan = MonteCarloElbo({.draws = 4, .pairing = pairing})
                               .plan(world.text, process, draws_of(draws, 0));
    CHECK(plan.num_replicates == 1);
  }
}
