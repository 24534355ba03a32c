// SPDX-License-Identifier: MIT
// Parts by evaluation: aligned between the answers of a prompt, counted as asked, with their times.
#include "score/evaluations.hpp"

#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"
#include "lldm/estimator/any_order.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/d2_dpo.hpp"
#include "lldm/objective/kto.hpp"
#include "lldm/objective/stepwise_dpo.hpp"
#include "lldm/score/combine.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

AnyObjective objective_of(bool is_d2) {
  if (is_d2) return D2Dpo({.beta = 0.4});
  return StepwiseDpo({.beta = 0.4});
}

const MonteCarloElbo::Options kTimes{
    .draws = 4, .count = MaskCount::bernoulli, .time_min = 0.05, .share_times = true};

}  // namespace

TEST_CASE("parts: the k-th belongs to the k-th evaluation asked for, dropped ones included",
          "[score][evaluations]") {
  const EngineWorld world;
  // More steps than tokens: most reveal nothing and are not evaluated.
  const ScoreBatch batch = toy_batch(toy_texts(6, 2), 2, FullTrajectory({.steps = 9}));
  const ScoreSet set = world.engine().score(batch);
  REQUIRE(set.parts.sizes().vec() == std::vector<std::int64_t>{6, 2, 9});
  CHECK((set.auxiliary.at("evaluations") == 9).all().item<bool>());
  CHECK((set.parts.sum(2) - set.policy).abs().max().item<double>() <= 1e-12);
  bool is_any_dropped = false;
  for (std::size_t p = 0; p < batch.plans.size(); ++p) {
    const ScorePlan& plan = batch.plans[p];
    is_any_dropped = is_any_dropped || plan.copies() < 9;
    const at::Tensor row =
        set.parts[static_cast<std::int64_t>(p / 2)][static_cast<std::int64_t>(p % 2)];
    const auto readouts = world.engine().readouts(std::span(&plan, 1), false);
    std::vector<double> expected(9, 0.0);
    for (std::size_t q = 0; q < plan.queries.size(); ++q)
      expected[static_cast<std::size_t>(
          plan.slot[static_cast<std::size_t>(plan.queries[q].copy)])] +=
          plan.queries[q].weight * readouts[q];
    for (std::int64_t k = 0; k < 9; ++k)
      CHECK(row[k].item<double>() ==
            Approx(expected[static_cast<std::size_t>(k)]).epsilon(1e-12).margin(1e-14));
  }
  CHECK(is_any_dropped);
}

TEST_CASE("parts: as wide as the options ask, however few evaluations have queries",
          "[score][evaluations]") {
  ScorePlan plan;
  plan.length = plan.num_scored = 1, plan.tokens = {0};
  plan.queries = {{0, 0, 0, 2.0}};
  plan.slot = {1}, plan.asked = 5;
  const CombinedScores scores = combine(std::span(&plan, 1), at::tensor({-3.0}, at::kDouble));
  REQUIRE(scores.parts.size(1) == 5);
  CHECK(scores.parts[0][1].item<double>() == -6.0);
  CHECK(scores.scores.item<double>() == -6.0);
}

TEST_CASE("times: shared by the answers of a prompt, drawn afresh for another",
          "[score][evaluations]") {
  const EngineWorld world;
  const ScoreSet set = world.engine().score(toy_batch(toy_texts(3, 2), 2, MonteCarloElbo(kTimes)));
  const at::Tensor times = set.auxiliary.at("times");
  REQUIRE(times.sizes().vec() == std::vector<std::int64_t>{3, 2, 4});
  CHECK((times.select(1, 0) == times.select(1, 1)).all().item<bool>());
  CHECK((times >= 0.05).all().item<bool>());
  CHECK((times[0] != times[1]).all().item<bool>());
  // Without times, or where one plan has none, there are none.
  CHECK(!world.engine()
             .score(toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4})))
             .auxiliary.contains("times"));
}

TEST_CASE("share_times leaves the masks of the two answers independent", "[score][evaluations]") {
  // Equal answers: with shared masks all copies would be equal.
  const MonteCarloElbo estimator({.draws = 64, .count = MaskCount::bernoulli, .share_times = true});
  const Text text{{0}, {1, 1, 1}, -1, {}};
  const Draws draws(3, "times");
  const auto plan = [&](std::uint64_t answer) {
    return estimator.plan(text, MaskedProcess(3, CosineSchedule()), draws_of(draws, 0, answer));
  };
  CHECK(plan(0).times == plan(1).times);
  CHECK(plan(0).tokens != plan(1).tokens);
  CHECK_THROWS_WITH(MonteCarloElbo({.share_times = true}), contains("no meaning for counts"));
}

TEST_CASE("losses of parts: retain and replay agree with finite differences; pairwise is refused",
          "[score][evaluations]") {
  const EngineWorld world;
  for (const bool is_d2 : {false, true}) {
    const AnyObjective objective = objective_of(is_d2);
    const AnyScoreEstimator estimator = is_d2 ? AnyScoreEstimator(MonteCarloElbo(kTimes))
                                              : AnyScoreEstimator(FullTrajectory({.steps = 4}));
    const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, estimator);
    const at::Tensor retained = world.gradient(batch, objective, GradientPath::retain).first;
    CHECK(relative_distance(world.gradient(batch, objective, GradientPath::replay, 11).first,
                            retained) <= 1e-12);
    CHECK_THROWS_WITH(
        world.gradient(batch, objective, GradientPath::pairwise),
        contains("gradient_path = \"pairwise\" is not exact here: the objective reads the "
                 "parts of the scores by evaluation\n  use retain or replay"));
    CHECK_THROWS_WITH(world.gradient(batch, objective, GradientPath::linear),
                      contains("not exact"));
    const at::Tensor flat = retained.view({-1}), weights = world.policy->weights().view({-1});
    const auto loss = [&] {
      return loss_of(objective)(world.engine().score(batch, totals_of(batch)))
          .loss_sum.item<double>();
    };
    const c10::NoGradGuard no_grad;
    int checked = 0;
    for (std::int64_t i = 0; i < flat.size(0) && checked < 8; ++i) {
      if (std::abs(flat[i].item<double>()) < 1e-3) continue;
      ++checked;
      at::Tensor entry = weights[i];
      entry.add_(1e-5);
      const double up = loss();
      entry.sub_(2e-5);
      const double down = loss();
      entry.add_(1e-5);
      CHECK((up - down) / 2e-5 == Approx(flat[i].item<double>()).epsilon(1e-5));
    }
    CHECK(checked == 8);
  }
}

TEST_CASE("losses of parts: unequal numbers of evaluations and sums of exponentials are refused",
          "[score][evaluations]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, AnyOrder({}));  // one per token
  CHECK_THROWS_WITH(world.gradient(batch, StepwiseDpo({}), GradientPath::retain),
                    contains("cannot be compared one by one"));
  CHECK_THROWS_WITH(
      check_gradient_path(GradientPath::retain, StepwiseDpo({}).needs(), Combination::log_mean_exp),
      contains("reads the parts of the scores by evaluation, but the estimator "
               "combines its readouts non-linearly"));
}

TEST_CASE("mismatched plans: scored by both models, without gradient; pairwise is refused",
          "[score][evaluations]") {
  const EngineWorld world;
  const AnyObjective kto = Kto({.beta = 0.3});
  ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 2}));
  batch.mismatched_plans = toy_batch(toy_texts(3, 1, 7), 1, MonteCarloElbo({.draws = 2}), 5).plans;
  const ScoreSet alone = world.engine().score(ScoreBatch{batch.mismatched_plans, {}, {}, 1});
  const auto [retained, step] = world.gradient(batch, kto, GradientPath::retain);
  for (const bool is_reference : {false, true}) {
    const at::Tensor seen =
        step.scores.auxiliary.at(is_reference ? "mismatched_reference" : "mismatched_policy");
    const at::Tensor expected = (is_reference ? alone.reference : alone.policy).select(1, 0);
    CHECK((seen - expected).abs().max().item<double>() <= 1e-13);
  }
  CHECK(relative_distance(world.gradient(batch, kto, GradientPath::replay).first, retained) <=
        1e-12);
  // The gradient of the loss at a frozen baseline is what was computed.
  ScoreSet set = step.scores;
  set.policy = set.policy.detach();
  CHECK(loss_of(kto)(set).loss_sum.item<double>() == Approx(step.loss).epsilon(1e-13));
  ObjectiveNeeds needs = kto.needs();
  needs.use = ScoreUse::each;
  CHECK_THROWS_WITH(check_gradient_path(GradientPath::pairwise, needs, Combination::sum),
                    contains("reads the scores of mismatched answers"));
  CHECK_THROWS_WITH(world.gradient(batch, kto, GradientPath::pairwise), contains("couples pairs"));
}
