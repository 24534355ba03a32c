// SPDX-License-Identifier: MIT
// The laws of concepts/score_estimator.hpp against exact enumeration on a tabulated model.
#include <map>
#include <set>

#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/segmented.hpp"
#include "support/catch.hpp"
#include "support/draw_laws.hpp"
#include "support/exact_moments.hpp"
#include "support/mistaken_estimators.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr int kDraws = 40000;

std::vector<double> grid_alphas(int steps, TrajectoryGrid grid, const ScheduleFormula& formula) {
  if (grid == TrajectoryGrid::uniform_time) return closed_alphas(steps, formula.alpha);
  return closed_alphas(steps, [](double t) { return 1.0 - t; });
}

}  // namespace

TEST_CASE("Targets: mean over counts, over subsets and over all orders are one number",
          "[conformance][estimator]") {
  for (std::size_t size = 1; size <= 5; ++size) {
    const World world = make_world(size);
    const double elbo = dot(elbo_weights(size), world.subsets.logp);
    CHECK(dot(any_order_weights(size), world.subsets.logp) == Approx(elbo).epsilon(1e-13));
    // The Bernoulli form down to t = 0 is the same bound for every closed schedule.
    CHECK(dot(truncated_weights(size, 0.0, 1.0, 0.0), world.subsets.logp) ==
          Approx(elbo).epsilon(1e-12));
    // A path over ever finer grids reveals one token at a time.
    if (size <= 3) {
      const auto fine = closed_alphas(40, [](double t) { return 1.0 - t; });
      CHECK(dot(trajectory_weights(size, fine), world.subsets.logp) == Approx(elbo).epsilon(0.05));
      const auto coarse = closed_alphas(static_cast<int>(size), [](double t) { return 1.0 - t; });
      if (size > 1)  // T = R is not the any-order average
        CHECK(std::abs(dot(trajectory_weights(size, coarse), world.subsets.logp) - elbo) > 1e-3);
    }
  }
}

TEST_CASE("Targets: the closed form of elbo_truncated is the integral it stands for",
          "[conformance][estimator]") {
  const World world = make_world(4);
  for (const NamedSchedule& schedule : named_schedules()) {
    double integral = 0;
    for (int q = 0; q < 20000; ++q)
      integral +=
          moments_at_time(world.subsets, schedule.formula, 0.1 + 0.9 * (q + 0.5) / 20000).mean /
          20000;
    const auto weights =
        truncated_weights(4, 0.1, schedule.formula.alpha(0.1), schedule.formula.alpha(1.0));
    INFO(schedule.name);
    CHECK(dot(weights, world.subsets.logp) == Approx(integral).epsilon(1e-6));
  }
}

TEST_CASE("full_trajectory: mean, gradient and variance are those of trajectory_elbo",
          "[conformance][estimator]") {
  for (const NamedSchedule& schedule : named_schedules())
    for (const int steps : {1, 2, 3, 6})
      for (const auto grid : {TrajectoryGrid::uniform_time, TrajectoryGrid::uniform_alpha})
        for (const auto reveal : {TrajectoryReveal::sampled, TrajectoryReveal::expected})
          for (const bool terms : {false, true}) {
            if (terms && steps == 2) continue;
            const World world = make_world(3, schedule.schedule);
            const auto alphas = grid_alphas(steps, grid, schedule.formula);
            const FullTrajectory estimator({.steps = steps,
                                            .reveal = reveal,
                                            .grid = grid,
                                            .include_reveal_terms = terms,
                                            .replicates = steps == 2 ? 2 : 1});
            INFO(schedule.name << ", T = " << steps << ", " << to_string(grid) << ", reveal "
                               << static_cast<int>(reveal) << ", reveal terms " << terms);
            CHECK(mean_failure(world, estimator, trajectory_weights(3, alphas),
                               terms ? exact_reveal_terms(3, alphas) : 0.0, kDraws) == "");
            if (terms) continue;
            Moments exact =
                path_moments(world.subsets, alphas, reveal == TrajectoryReveal::expected);
            if (steps == 2) exact.variance /= 2;
            CHECK(variance_failure(world, estimator, exact, kDraws) == "");
            CHECK(estimator.target(3).is_unbiased);
          }
}

TEST_CASE("full_trajectory: reveal terms on an equal-alpha grid are exactly -R log T",
          "[conformance][estimator]") {
  const World world = make_world(4, CosineSchedule());
  const Draws draws(5, "conformance");
  for (const auto reveal : {TrajectoryReveal::sampled, TrajectoryReveal::expected}) {
    const FullTrajectory estimator({.steps = 7,
                                    .reveal = reveal,
                                    .grid = TrajectoryGrid::uniform_alpha,
                                    .include_reveal_terms = true});
    for (std::uint64_t row = 0; row < 20; ++row)
      CHECK(estimator.plan(world.text, world.process, draws_of(draws, row)).constant ==
            Approx(-4 * std::log(7.0)).epsilon(1e-12));
  }
}

TEST_CASE("full_trajectory: sampled scores every token once, with weight one",
          "[conformance][estimator]") {
  const Draws draws(5, "conformance");
  for (const NamedSchedule& schedule : named_schedules()) {
    const World world = make_world(5, schedule.schedule);
    for (std::uint64_t row = 0; row < 200; ++row) {
      const ScorePlan plan =
          FullTrajectory({.steps = 16}).plan(world.text, world.process, draws_of(draws, row));
      std::set<std::int32_t> positions;
      for (const Query& query : plan.queries) {
        CHECK(query.weight == 1.0);
        positions.insert(query.position);
      }
      CHECK(plan.queries.size() == 5);
      CHECK(positions.size() == 5);
      CHECK(plan.nominal_copies == 16);
      CHECK(plan.copies() <= 5);  // states that reveal nothing are dropped
    }
  }
}

TEST_CASE("full_trajectory: open ends of a schedule go to the first and last reverse step",
          "[conformance][estimator]") {
  const auto alphas =
      trajectory_alphas(MaskedProcess(3, LeakySchedule()), 3, TrajectoryGrid::uniform_time);
  CHECK(alphas.front() == 1.0);
  CHECK(alphas.back() == 0.0);
  const Draws draws(6, "conformance");
  std::map<std::int64_t, double> share;
  const double count = 60000;
  Stream stream = draws.stream(Purpose::noise);
  const Trajectory path =
      draw_trajectory(MaskedProcess(3, LeakySchedule()), static_cast<std::int64_t>(count), 3,
                      TrajectoryGrid::uniform_time, stream);
  for (const std::int64_t k : path.masked_since) share[k] += 1 / count;
  // Seven standard deviations are at most 7 * 0.5 / sqrt(60000) = 0.0143.
  CHECK(share[3] == Approx(0.25 + 0.15).margin(0.0143));  // first reverse step: alpha(1) = 0.15
  CHECK(share[2] == Approx(0.25).margin(0.0143));
  CHECK(share[1] == Approx(0.25 + 0.10).margin(0.0143));  // last: alpha(0) = 0.9
}

TEST_CASE("segmented: mean, gradient and variance are those of trajectory_elbo",
          "[conformance][estimator]") {
  struct Case {
    int steps, segments, per_segment;
  };
  for (const auto& [steps, segments, per_segment] :
       {Case{4, 2, 1}, Case{5, 2, 2}, Case{6, 4, 1}, Case{7, 3, 2}, Case{3, 1, 2}, Case{2, 2, 1}})
    for (const auto grid : {TrajectoryGrid::uniform_time, TrajectoryGrid::uniform_alpha})
      for (const auto reveal : {TrajectoryReveal::sampled, TrajectoryReveal::expected}) {
        const NamedSchedule schedule = named_schedules()[static_cast<std::size_t>(steps) % 3];
        const World world = make_world(3, schedule.schedule, 2);
        const auto alphas = grid_alphas(steps, grid, schedule.formula);
        const Segmented estimator({.steps = steps,
                                   .segments = segments,
                                   .steps_per_segment = per_segment,
                                   .reveal = reveal,
                                   .grid = grid});
        INFO(schedule.name << ", T = " << steps << ", K = " << segments << ", m = " << per_segment
                           << ", reveal " << static_cast<int>(reveal));
        CHECK(mean_failure(world, estimator, trajectory_weights(3, alphas), 0.0, kDraws) == "");
        CHECK(variance_failure(
                  world, estimator,
                  path_moments(world.subsets, alphas, reveal == TrajectoryReveal::expected,
                               segments, per_segment),
                  kDraws) == "");
      }
}

TEST_CASE("segmented: drawing every step is the full path, bit for bit",
          "[conformance][estimator]") {
  const World world = make_world(5, CosineSchedule());
  const Draws draws(11, "conformance");
  for (const auto& [steps, segments] : {std::pair{6, 3}, {6, 1}, {6, 6}, {7, 7}, {9, 3}, {1, 1}})
    for (const auto reveal : {TrajectoryReveal::sampled, TrajectoryReveal::expected})
      for (const std::int64_t replicates : {1, 3})
        for (std::uint64_t row = 0; row < 50; ++row) {
          const Segmented part({.steps = steps,
                                .segments = segments,
                                .steps_per_segment = steps / segments,
                                .reveal = reveal,
                                .replicates = replicates});
          const FullTrajectory whole({.steps = steps, .reveal = reveal, .replicates = replicates});
          CHECK(same_plan(part.plan(world.text, world.process, draws_of(draws, row)),
                          whole.plan(world.text, world.process, draws_of(draws, row))));
        }
}

TEST_CASE("segmented: segments differ by at most one step, the longer ones first",
          "[conformance][estimator]") {
  // T = 5, K = 2: steps 5, 4, 3 and 2, 1.  With m = 1 a state of the first part weighs 3, of the
  // second 2; expected reveal asks every state, so the number of masked positions tells the step.
  const World world = make_world(1);
  const Draws draws(12, "conformance");
  std::set<std::pair<double, double>> seen;
  for (std::uint64_t row = 0; row < 400; ++row) {
    const ScorePlan plan = Segmented({.steps = 5, .segments = 2, .steps_per_segment = 1})
                               .plan(world.text, world.process, draws_of(draws, row));
    Stream stream = draws_of(draws, row).stream(0);
    const auto since =
        draw_trajectory(world.process, 1, 5, TrajectoryGrid::uniform_time, stream).masked_since[0];
    for (const Query& query : plan.queries) seen.insert({static_cast<double>(since), query.weight});
  }
  CHECK(seen == std::set<std::pair<double, double>>{{5, 3}, {4, 3}, {3, 3}, {2, 2}, {1, 2}});
}

TEST_CASE("Estimators: equal draws give equal plans, other rows and replicates other ones",
          "[conformance][estimator]") {
  const World world = make_world(5, CosineSchedule());
  const World other = make_world(3, CosineSchedule(), 4);
  const std::vector<AnyScoreEstimator> estimators{
      FullTrajectory({.steps = 4, .replicates = 2}),
      Segmented({.steps = 6, .segments = 3, .steps_per_segment = 1}), MonteCarloElbo({.draws = 4}),
      MonteCarloElbo({.draws = 4, .count = MaskCount::bernoulli}),
      MonteCarloElbo({.draws = 4, .pairing = DrawPairing::antithetic})};
  for (const AnyScoreEstimator& estimator : estimators) {
    std::vector<ScorePlan> forward, backward;
    {
      const Draws draws(13, "stage");
      for (std::uint64_t row = 0; row < 20; ++row)
        forward.push_back(estimator.plan(world.text, world.process, draws_of(draws, row)));
    }
    const Draws draws(13, "stage");
    for (std::uint64_t row = 20; row-- > 0;) {  // permuted rows, other texts in between
      static_cast<void>(estimator.plan(other.text, other.process, draws_of(draws, row)));
      backward.push_back(estimator.plan(world.text, world.process, draws_of(draws, row)));
    }
    int equal_rows = 0, equal_answers = 0, equal_stages = 0;
    const Draws stage(13, "other stage");
    for (std::size_t row = 0; row < 20; ++row) {
      CHECK(same_plan(forward[row], backward[19 - row]));
      equal_rows += same_plan(forward[row], forward[(row + 1) % 20]);
      equal_answers += same_plan(
          forward[row], estimator.plan(world.text, world.process, draws_of(draws, row, 1)));
      equal_stages +=
          same_plan(forward[row], estimator.plan(world.text, world.process, draws_of(stage, row)));
    }
    CHECK(equal_rows < 10);
    CHECK(equal_answers < 10);
    CHECK(equal_stages < 10);
    CHECK(independence_failure(world, estimator, 4000) == "");
  }
}

TEST_CASE("Estimators: the unscored tail of a canvas stays visible and clean",
          "[conformance][estimator]") {
  World world = make_world(5);
  world.text.scored = 3;
  world.subsets = subset_table(world.model, world.text);
  REQUIRE(world.subsets.size == 3);
  const auto alphas = closed_alphas(4, [](double t) { return 1.0 - t; });
  CHECK(mean_failure(world, FullTrajectory({.steps = 4}), trajectory_weights(3, alphas), 0,
                     kDraws) == "");
  CHECK(mean_failure(world, MonteCarloElbo({.draws = 2}), elbo_weights(3), 0, kDraws) == "");
}

TEST_CASE("Estimators: what cannot be scored is refused", "[conformance][estimator]") {
  World world = make_world(3);
  const Draws draws(1, "conformance");
  Text empty{{1}, {}, -1}, beyond{{1}, {0, 1}, 3};
  for (const AnyScoreEstimator& estimator :
       {AnyScoreEstimator(FullTrajectory({.steps = 2})), AnyScoreEstimator(MonteCarloElbo({})),
        AnyScoreEstimator(Segmented({.steps = 4, .segments = 2}))}) {
    CHECK_THROWS_AS(estimator.plan(empty, world.process, draws_of(draws, 0)), DataError);
    CHECK_THROWS_AS(estimator.plan(beyond, world.process, draws_of(draws, 0)), ShapeError);
  }
  CHECK_THROWS_AS(Segmented({.steps = 4, .segments = 5}), ConfigError);
  CHECK_THROWS_AS(Segmented({.steps = 5, .segments = 2, .steps_per_segment = 3}), ConfigError);
  CHECK_THROWS_AS(MonteCarloElbo({.draws = 4, .masks_per_time = 3}), ConfigError);
  CHECK_THROWS_AS(
      MonteCarloElbo({.draws = 6, .masks_per_time = 2, .pairing = DrawPairing::antithetic}),
      ConfigError);
  CHECK_THROWS_AS(
      MonteCarloElbo({.count = MaskCount::bernoulli, .pairing = DrawPairing::llada_rounding}),
      ConfigError);
}

TEST_CASE("The suite rejects known mistakes", "[conformance][estimator]") {
  const World world = make_world(4);
  REQUIRE(mean_failure(world, MonteCarloElbo({.draws = 4}), elbo_weights(4), 0, kDraws) == "");
  CHECK(mean_failure(world, DividedByPaddedWidth(), elbo_weights(4), 0, kDraws) != "");
  // A clamped time is judged against its own target: the bound on [0.05, 1].
  CHECK(mean_failure(world, ClampedTime(), truncated_weights(4, 0.05, 0.95, 0.0), 0, kDraws) != "");
  CHECK(mean_failure(world, RoundedStrata(), elbo_weights(4), 0, kDraws) != "");
  CHECK(mean_failure(world, OneMaskForBoth(), elbo_weights(4), 0, kDraws) == "");
  CHECK(independence_failure(world, OneMaskForBoth(), 4000) != "");
  const MonteCarloElbo sound({.draws = 4});
  CHECK(sharing_failure(engine_witness(SharedDraws(), sound)) == "");
  CHECK(sharing_failure(engine_witness(UnsharedClaimedShared(), sound)) != "");
}

TEST_CASE("full_trajectory: steps in which nothing can be revealed are not evaluated",
          "[conformance][estimator]") {
  const World world = make_world(3, LateSchedule());
  const auto alphas = closed_alphas(5, [](double t) { return LateSchedule().alpha(t); });
  const FullTrajectory estimator({.steps = 5, .reveal = TrajectoryReveal::expected});
  CHECK(mean_failure(world, estimator, trajectory_weights(3, alphas), 0, kDraws) == "");
  const Draws draws(14, "conformance");
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, row));
    CHECK(plan.copies() <= 3);  // alpha is 1 at t = 0, 0.2 and 0.4
    for (const Query& query : plan.queries) CHECK(query.weight > 0.0);
  }
}
