// SPDX-License-Identifier: MIT
#include "lldm/objective/d2_dpo.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/stepwise_dpo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

const MonteCarloElbo::Options kTimes{
    .draws = 3, .count = MaskCount::bernoulli, .time_min = 0.05, .share_times = true};

ScoreSet scores(const AnyScoreEstimator& estimator) {
  const EngineWorld world;
  return world.engine().score(toy_batch(toy_texts(4, 2), 2, estimator));
}

}  // namespace

TEST_CASE("D2Dpo: at every drawn time, w(t) times the masked log-ratios, from the plans themselves",
          "[objective][d2_dpo]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(4, 2), 2, MonteCarloElbo(kTimes));
  const auto policy = world.engine().readouts(batch.plans, false);
  const auto reference = world.engine().readouts(batch.plans, true);
  const CosineSchedule cosine;
  double expected = 0;
  std::size_t q = 0;
  for (std::size_t b = 0; b < 4; ++b) {
    double at_time[2][3] = {};
    for (std::size_t side = 0; side < 2; ++side) {
      const ScorePlan& plan = batch.plans[2 * b + side];
      REQUIRE(plan.times.size() == 3);
      CHECK(plan.times == batch.plans[2 * b].times);
      for (const Query& query : plan.queries) {
        const auto slot = static_cast<std::size_t>(plan.slot[static_cast<std::size_t>(query.copy)]);
        const double t = plan.times[slot];
        at_time[side][slot] +=
            -cosine.alpha_derivative(t) / (1 - cosine.alpha(t)) * (policy[q] - reference[q]);
        ++q;
      }
    }
    for (std::size_t k = 0; k < 3; ++k)
      expected += std::log1p(std::exp(-0.4 * (at_time[0][k] - at_time[1][k]))) / 3;
  }
  const ScoreSet set = world.engine().score(batch);
  CHECK(D2Dpo({.beta = 0.4}).evaluate(set).loss_sum.item<double>() ==
        Approx(expected).epsilon(1e-12));
  // Over evaluations the formula is stepwise_dpo's; what differs is which evaluations are accepted.
  CHECK(StepwiseDpo({.beta = 0.4}).evaluate(set).loss_sum.item<double>() ==
        Approx(expected).epsilon(1e-12));
}

TEST_CASE("D2Dpo refuses evaluations at no time and at different times", "[objective][d2_dpo]") {
  const D2Dpo d2({});
  CHECK(d2.needs().use == ScoreUse::parts);
  CHECK_THROWS_WITH(d2.evaluate(scores(FullTrajectory({.steps = 3}))),
                    contains("d2_dpo: the evaluations of the scores are at no drawn times"));
  CHECK_THROWS_WITH(d2.evaluate(scores(MonteCarloElbo({.draws = 3}))), contains("no drawn times"));
  MonteCarloElbo::Options own = kTimes;
  own.share_times = false;
  CHECK_THROWS_WITH(d2.evaluate(scores(MonteCarloElbo(own))),
                    contains("chosen and rejected answers are noised at different times"));
  CHECK(d2.evaluate(scores(MonteCarloElbo(kTimes))).loss_sum.isfinite().item<bool>());
}
