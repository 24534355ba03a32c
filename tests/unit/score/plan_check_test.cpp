// SPDX-License-Identifier: MIT
#include "lldm/score/plan_check.hpp"

#include <functional>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

ScorePlan sound() {
  const World world = make_world(3);
  const Draws draws(1, "plan_check");
  return MonteCarloElbo({.draws = 4}).plan(world.text, world.process, draws_of(draws, 0));
}

std::string failure(const std::function<void(ScorePlan&)>& change) {
  ScorePlan plan = sound();
  change(plan);
  return plan_failure(plan, 3);
}

}  // namespace

TEST_CASE("plan_failure finds nothing wrong with what an estimator plans", "[score][plan]") {
  CHECK(plan_failure(sound(), 3) == "");
}

TEST_CASE("plan_failure says what is out of range and what is legal", "[score][plan]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(failure([](ScorePlan& p) { p.queries[0].position = 4; }) ==
        "query 0 asks position 4 of 4 tokens\n  legal: [0, 4)");
  CHECK(failure([](ScorePlan& p) { p.queries[0].position = -1; }) ==
        "query 0 asks position -1 of 4 tokens\n  legal: [0, 4)");
  CHECK(failure([](ScorePlan& p) { p.queries[0].target = 3; }) ==
        "query 0 asks for token 3\n  legal: [0, 3)");
  CHECK(failure([&](ScorePlan& p) { p.queries[0].weight = nan; }) ==
        "query 0 weighs nan\n  legal: a finite weight");
  CHECK_THAT(failure([](ScorePlan& p) { p.queries.back().copy = 99; }),
             contains("asks copy 99 of"));
  CHECK_THAT(failure([](ScorePlan& p) { std::swap(p.queries.front(), p.queries.back()); }),
             contains("legal: queries sorted by copy"));
  CHECK(failure([](ScorePlan& p) { p.tokens[1] = 4; }) ==
        "copy 0 holds token 4 at position 1\n  legal: ids of the model, [0, 3]");
  CHECK_THAT(failure([](ScorePlan& p) { p.tokens[1] = -1; }), contains("holds token -1"));
  CHECK_THAT(failure([](ScorePlan& p) { p.tokens.pop_back(); }), contains("a multiple of length"));
  CHECK_THAT(failure([](ScorePlan& p) { p.replicate[0] = p.num_replicates; }),
             contains("a copy belongs to replicate"));
  CHECK_THAT(failure([](ScorePlan& p) { p.replicate.pop_back(); }), contains("replicate has"));
  CHECK_THAT(failure([](ScorePlan& p) { p.num_replicates = 0; }), contains("num_replicates = 0"));
  CHECK_THAT(failure([&](ScorePlan& p) { p.constant = nan; }), contains("constant = nan"));
  CHECK_THAT(failure([](ScorePlan& p) { p.num_scored = 9; }), contains("num_scored = 9"));
  CHECK_THAT(failure([](ScorePlan& p) { p.nominal_copies = 0; }), contains("nominal_copies = 0"));
  CHECK_THAT(failure([](ScorePlan& p) { p.path_uniforms = {0.5}; }),
             contains("path_uniforms has 1"));
  CHECK_THAT(failure([](ScorePlan& p) { p.readout = Readout::log_posterior; }),
             contains("posteriors has 0"));
  CHECK_THAT(failure([](ScorePlan& p) { p.slot.assign(p.replicate.size(), p.asked); }),
             contains("a copy is evaluation"));
}

TEST_CASE("check_plan names component and plugin, as a fault of the plugin", "[score][plan]") {
  ScorePlan plan = sound();
  plan.queries[0].target = 7;
  CHECK_THROWS_AS(check_plan(plan, 3), ShapeError);
  plan.origin = std::make_shared<const PlanOrigin>(PlanOrigin{"score_estimator \"x\"", ""});
  CHECK_THROWS_WITH(check_plan(plan, 3),
                    "score_estimator \"x\": its plan is none: query 0 asks "
                    "for token 7\n  legal: [0, 3)");
  plan.origin =
      std::make_shared<const PlanOrigin>(PlanOrigin{"score_estimator \"x\"", "remask 0.1.2"});
  CHECK_THROWS_AS(check_plan(plan, 3), PluginError);
  CHECK_THROWS_WITH(check_plan(plan, 3), contains("plugin remask 0.1.2, score_estimator \"x\": "));
}

TEST_CASE("ScoreEngine: a plan that is none is refused at the door", "[score][engine]") {
  const EngineWorld world;
  ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 2}));
  batch.plans[3].queries[0].weight = std::numeric_limits<double>::infinity();
  const auto engine = world.engine();
  CHECK_THROWS_WITH(engine.score(batch), contains("weighs inf"));
  CHECK_THROWS_WITH(engine.readouts(batch.plans, false), contains("weighs inf"));
  const ObjectiveNeeds needs{.use = ScoreUse::difference};
  CHECK_THROWS_WITH(engine.step(batch, {}, needs, {}, GradientPath::retain),
                    contains("weighs inf"));
}
