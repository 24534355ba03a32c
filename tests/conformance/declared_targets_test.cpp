// SPDX-License-Identifier: MIT
// Every registered estimator that calls itself unbiased, against its declared target; and where the
// identities of docs/definitions.md, "Targets", are tested:
//   1  random-order average = mean over counts and subsets = time integral
//        score_estimator_test: "Targets: mean over counts, over subsets and over all orders ..."
//        (trajectory_elbo(R) is another number: same test; closed form of the truncated integral:
//        "Targets: the closed form of elbo_truncated ...", for every schedule)
//   2  the position-selection term cancels on a fixed path: here, "reveal terms"; a path that the
//        model walks itself is biased as enumerated: nonlinear_estimators_test, "A denoised path"
//   3  Bernoulli masks add variance, without bound as the smallest time falls: here
//   4  complementary pair: ESPO's weights unbiased, coupled-GRPO's biased as computed:
//        more_estimators_test, "complementary_pair"
//   5  TraceRL: shrink 1 is the recorded full path, shrink = number of steps is one_step:
//        nonlinear_estimators_test, "recorded_trajectory" (two tests)
//   6  answers draw independently: score_estimator_test, "Estimators: equal draws ...";
//        through the trainer: unit/train/draws_test
// and of its "Estimators":
//   segmented with m = T / K is the full path bit for bit: score_estimator_test
//   N >= R / 2 Gauss nodes are exact, fewer biased as computed: more_estimators_test, "quadrature"
//   block_aligned with one block is elbo, with blocks of one left_to_right: more_estimators_test
#include <cmath>

#include "lldm/estimator/full_trajectory.hpp"
#include "support/catch.hpp"
#include "support/declared_targets.hpp"
#include "support/estimator_laws.hpp"
#include "support/exact_moments.hpp"
#include "support/registered_components.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE(
    "Registered estimators: whoever declares itself unbiased has its target's mean and gradient",
    "[conformance][estimator]") {
  const NamedSchedule schedule = named_schedules()[1];  // cosine
  int unbiased = 0, biased = 0;
  for (auto& estimator : registered_estimators())
    for (const std::size_t size : {1, 4}) {
      if (const auto adaptation = estimator.component.adaptation())
        estimator.component = estimator.component.at(adaptation->max);
      World world = make_world(size, schedule.schedule);
      world.text.reveal_step =
          size == 1 ? std::vector<std::int64_t>{0} : std::vector<std::int64_t>{5, 0, 3, 3};
      const Target target = estimator.component.target(static_cast<std::int64_t>(size));
      INFO(estimator.name << ", R = " << size << ", target " << target.name);
      if (!target.is_unbiased) {
        ++biased;
        continue;
      }
      const auto exact = declared_target(target.name, world.text, schedule.formula);
      REQUIRE(exact.has_value());
      CHECK(mean_failure(world, estimator.component, exact->weights, exact->constant, 10000) == "");
      ++unbiased;
    }
  CHECK(unbiased > 25);
  CHECK(biased > 5);
}

TEST_CASE("Reveal terms: a constant of the path, which policy and reference share",
          "[conformance][estimator]") {
  const World world = make_world(5, CosineSchedule());
  const Draws draws(3, "conformance");
  for (std::uint64_t row = 0; row < 50; ++row) {
    const FullTrajectory plain({.steps = 4}), terms({.steps = 4, .include_reveal_terms = true});
    ScorePlan with = terms.plan(world.text, world.process, draws_of(draws, row));
    const ScorePlan without = plain.plan(world.text, world.process, draws_of(draws, row));
    CHECK(with.constant < without.constant);
    with.constant = without.constant;
    CHECK(same_plan(with, without));  // nothing else changes: the difference of two models does not
  }
}

TEST_CASE("Bernoulli masks vary more than counts, without bound as the smallest time falls",
          "[conformance][estimator]") {
  // E S^2 over t in [eps, 1] with weight 1 / t, by the midpoint rule in log t.
  const auto second_moment = [](const SubsetTable& table, double eps) {
    const int n = static_cast<int>(table.size), nodes = 4000;
    double total = 0;
    for (int q = 0; q < nodes; ++q) {
      const double t = std::pow(eps, 1.0 - (q + 0.5) / nodes);
      for (std::size_t subset = 1; subset < table.subsets(); ++subset)
        total += std::pow(table.sum(subset), 2) * std::pow(t, bits(subset) - 1) *
                 std::pow(1.0 - t, n - bits(subset)) * -std::log(eps) / nodes;
    }
    return total / (1.0 - eps);
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SubsetTable table = make_world(4, LinearSchedule(), seed).subsets;
    Moments counts{dot(elbo_weights(4), table.logp), 0};
    double squares = 0;
    for (int l = 1; l <= 4; ++l) {
      const Moments given = moments_of_count(table, l);
      squares += (given.variance + given.mean * given.mean) / 4;
    }
    counts.variance = squares - counts.mean * counts.mean;
    const auto truncated = [&](double eps) {
      return dot(truncated_weights(4, eps, 1.0 - eps, 0.0), table.logp);
    };
    const double bernoulli = second_moment(table, 1e-3) - std::pow(truncated(1e-3), 2);
    CHECK(bernoulli > counts.variance);
    // One masked position alone weighs 1 / t with chance t: every factor 100 adds log 100 times the
    // sum of their squared log-probabilities.
    double alone = 0;
    for (std::size_t i = 0; i < 4; ++i) alone += std::pow(table.at(std::size_t{1} << i, i), 2);
    CHECK(second_moment(table, 1e-7) - second_moment(table, 1e-5) ==
          Approx(std::log(100.0) * alone).epsilon(1e-3));
    // The cut at eps is a bias: the slice [0, eps] is missing.
    CHECK(std::abs(truncated(1e-3) - counts.mean) > 1e-5);
  }
}
