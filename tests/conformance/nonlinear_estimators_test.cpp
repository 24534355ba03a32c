// SPDX-License-Identifier: MIT
// eubo, recorded_trajectory, adaptive and the denoised path against enumeration.
#include <numeric>

#include "lldm/errors.hpp"
#include "lldm/estimator/adaptive.hpp"
#include "lldm/estimator/complementary_pair.hpp"
#include "lldm/estimator/eubo.hpp"
#include "lldm/estimator/exact.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/one_step.hpp"
#include "lldm/estimator/recorded_trajectory.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/combine.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/estimator_laws.hpp"
#include "support/exact_moments.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr int kDraws = 40000;

/// (1 / b) log of a weighted power mean of one position's probabilities.
struct PowerMean {
  double sharpness = 1, sum = 0;
  void add(double weight, double log_probability) {
    sum += weight * std::exp(sharpness * log_probability);
  }
  [[nodiscard]] double value() const { return sum > 0 ? std::log(sum) / sharpness : 0.0; }
};

/// What one eubo plan says, from its queries and the subset table alone.
double eubo_score(const World& world, const ScorePlan& plan) {
  std::vector<PowerMean> means(world.subsets.size, {plan.sharpness});
  for (const Query& query : plan.queries) {
    const auto i = static_cast<std::size_t>(query.position - plan.num_prompt);
    means[i].add(query.weight, world.subsets.at(subset_of(world, plan, query.copy), i));
  }
  double score = 0;
  for (const PowerMean& mean : means) score += mean.value();
  return score;
}

/// One way a set of masks can fall: its probability, and (weight, subset) of every mask.
struct Fall {
  double probability;
  std::vector<std::pair<double, std::size_t>> masks;
};

double eubo_score(const World& world, const Fall& fall, double sharpness) {
  double score = 0;
  for (std::size_t i = 0; i < world.subsets.size; ++i) {
    PowerMean mean{sharpness};
    for (const auto& [weight, subset] : fall.masks)
      if (subset >> i & 1) mean.add(weight, world.subsets.at(subset, i));
    score += mean.value();
  }
  return score;
}

/// Every single mask of `iid`, weighed for n draws.
std::vector<Fall> single_masks(std::size_t size, double draws) {
  const int n = static_cast<int>(size);
  std::vector<Fall> falls;
  for (std::size_t subset = 1; subset < std::size_t{1} << size; ++subset) {
    const int l = bits(subset);
    falls.push_back({1.0 / (n * binomial(n, l)), {{n / (l * draws), subset}}});
  }
  return falls;
}

/// Every pair of `complementary`, weighed for n draws.
std::vector<Fall> complementary_masks(std::size_t size, double draws) {
  const int n = static_cast<int>(size);
  const std::size_t all = (std::size_t{1} << size) - 1;
  std::vector<Fall> falls;
  for (std::size_t subset = 0; subset <= all; ++subset) {
    const int k = bits(subset);
    Fall fall{1.0 / ((n + 1) * binomial(n, k)), {}};
    if (k > 0) fall.masks.push_back({(n + 1) / (k * draws), subset});
    if (k < n) fall.masks.push_back({(n + 1) / ((n - k) * draws), all & ~subset});
    falls.push_back(fall);
  }
  return falls;
}

std::vector<Fall> both(const std::vector<Fall>& first, const std::vector<Fall>& second) {
  std::vector<Fall> falls;
  for (const Fall& a : first)
    for (const Fall& b : second) {
      falls.push_back({a.probability * b.probability, a.masks});
      falls.back().masks.insert(falls.back().masks.end(), b.masks.begin(), b.masks.end());
    }
  return falls;
}

double mean_of(const World& world, const std::vector<Fall>& falls, double sharpness) {
  double mean = 0;
  for (const Fall& fall : falls) mean += fall.probability * eubo_score(world, fall, sharpness);
  return mean;
}

/// eubo(b): the logarithm of the mean over all masks, position by position.
double eubo_limit(const World& world, double sharpness) {
  double score = 0;
  for (std::size_t i = 0; i < world.subsets.size; ++i) {
    PowerMean mean{sharpness};
    for (const Fall& fall : single_masks(world.subsets.size, 1.0)) {
      const auto& [weight, subset] = fall.masks.front();
      if (subset >> i & 1) mean.add(fall.probability * weight, world.subsets.at(subset, i));
    }
    score += mean.value();
  }
  return score;
}

}  // namespace

TEST_CASE("eubo: its mean at few draws is the enumerated one, and its limit lies above elbo",
          "[conformance][estimator]") {
  for (const std::size_t size : {1, 3}) {
    const World world = make_world(size, CosineSchedule());
    for (const double sharpness : {0.5, 1.0, 2.0}) {
      INFO("R = " << size << ", sharpness " << sharpness);
      const std::vector<std::pair<Eubo, double>> cases{
          {Eubo({.draws = 1, .sharpness = sharpness, .masks = EuboMasks::iid}),
           mean_of(world, single_masks(size, 1), sharpness)},
          {Eubo({.draws = 2, .sharpness = sharpness, .masks = EuboMasks::iid}),
           mean_of(world, both(single_masks(size, 2), single_masks(size, 2)), sharpness)},
          {Eubo({.draws = 2, .sharpness = sharpness}),
           mean_of(world, complementary_masks(size, 2), sharpness)},
          {Eubo({.draws = 4, .sharpness = sharpness}),
           mean_of(world, both(complementary_masks(size, 4), complementary_masks(size, 4)),
                   sharpness)}};
      const Draws draws(31, "conformance");
      for (const auto& [estimator, exact] : cases) {
        Sampled score;
        for (std::uint64_t row = 0; row < kDraws; ++row) {
          const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, row));
          if (row < 50) CHECK(structure_failure(world, plan, estimator) == "");
          score.add(eubo_score(world, plan));
        }
        INFO("mean " << score.mean() << ", exact " << exact);
        CHECK(score.agrees(exact));
        CHECK(!estimator.target(static_cast<std::int64_t>(size)).is_unbiased);
      }
      const double limit = eubo_limit(world, sharpness);
      const Exact exact({.target = ExactTarget::eubo, .sharpness = sharpness});
      CHECK(eubo_score(world, exact.plan(world.text, world.process, draws_of(draws, 0))) ==
            Approx(limit).epsilon(1e-12));
      CHECK(limit >= dot(elbo_weights(size), world.subsets.logp) - 1e-12);
      CHECK(cases[3].second <= limit + 1e-12);  // Jensen
      if (size > 1) {
        CHECK(limit > dot(elbo_weights(size), world.subsets.logp) + 1e-3);
        CHECK(std::abs(cases[3].second - limit) < std::abs(cases[2].second - limit));
      }
    }
  }
}

TEST_CASE("eubo: the engine's combination is the same power mean; legal draws",
          "[conformance][estimator]") {
  const World world = make_world(3);
  const Draws draws(5, "conformance");
  const Eubo estimator({.draws = 4, .sharpness = 1.5});
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, row));
    std::vector<double> readouts;
    for (const Query& query : plan.queries)
      readouts.push_back(
          world.subsets.at(subset_of(world, plan, query.copy),
                           static_cast<std::size_t>(query.position - plan.num_prompt)));
    const double score =
        combine({&plan, 1}, at::tensor(readouts, at::kDouble)).scores.item<double>();
    CHECK(score == Approx(eubo_score(world, plan)).epsilon(1e-12));
  }
  CHECK_THROWS_AS(Eubo({.draws = 3}), ConfigError);
  CHECK_NOTHROW(Eubo({.draws = 3, .masks = EuboMasks::iid}));
  CHECK_THROWS_AS(Eubo({.sharpness = 0.0}), ConfigError);
}

TEST_CASE("recorded_trajectory: each recorded step once; shrink merges steps down to one_step",
          "[conformance][estimator]") {
  World world = make_world(4);
  world.text.reveal_step = {7, 2, 7, 3};  // steps 2, 3, 7
  const Draws draws(5, "conformance");
  const auto weights = [&](std::int64_t shrink) {
    const RecordedTrajectory estimator({.shrink = shrink});
    const ScorePlan plan = estimator.plan(world.text, world.process, draws_of(draws, 0));
    CHECK(structure_failure(world, plan, estimator) == "");
    return plan_weights(world, plan);
  };
  std::vector<double> whole(16 * 4, 0.0);
  whole[15 * 4 + 1] = 1;                    // step 2: everything masked
  whole[(15 & ~2) * 4 + 3] = 1;             // step 3
  whole[5 * 4 + 0] = whole[5 * 4 + 2] = 1;  // step 7: positions 0 and 2 together
  CHECK(weights(1) == whole);
  std::vector<double> merged(16 * 4, 0.0);
  merged[15 * 4 + 1] = merged[15 * 4 + 3] = 1;
  merged[5 * 4 + 0] = merged[5 * 4 + 2] = 1;
  CHECK(weights(2) == merged);
  const auto one =
      plan_weights(world, OneStep({}).plan(world.text, world.process, draws_of(draws, 0)));
  CHECK(weights(3) == one);
  CHECK(weights(9) == one);
  // An order without ties is one path of any_order; a noising path's order is that path.
  world.text.reveal_step.clear();
  const RecordedTrajectory estimator({});
  CHECK_THROWS_WITH(estimator.plan(world.text, world.process, draws_of(draws, 0)),
                    Catch::Matchers::Contains("record_steps"));
  world.text.reveal_step = {1, 2};
  CHECK_THROWS_AS(estimator.plan(world.text, world.process, draws_of(draws, 0)), DataError);
}

TEST_CASE("recorded_trajectory on a drawn path with shrink 1 is full_trajectory on that path",
          "[conformance][estimator]") {
  World world = make_world(5);
  const Draws draws(6, "conformance");
  for (std::uint64_t row = 0; row < 50; ++row) {
    const FullTrajectory full({.steps = 4});
    const ScorePlan path = full.plan(world.text, world.process, draws_of(draws, row));
    world.text.reveal_step.assign(5, 0);
    for (const Query& query : path.queries)
      world.text.reveal_step[static_cast<std::size_t>(query.position - path.num_prompt)] =
          query.copy;
    const ScorePlan again =
        RecordedTrajectory({}).plan(world.text, world.process, draws_of(draws, row));
    CHECK(again.tokens == path.tokens);
    CHECK(plan_weights(world, again) == plan_weights(world, path));
  }
}

TEST_CASE("adaptive: the mean of independent plans, target and bias of what it wraps",
          "[conformance][estimator]") {
  const World world = make_world(4, CosineSchedule());
  const Adaptive::Options options{.min = 2, .max = 5};
  const MonteCarloElbo inner({.draws = 2, .pairing = DrawPairing::stratified});
  const Adaptive estimator(options, inner);
  const Draws draws(8, "conformance");
  Sampled once;
  for (std::uint64_t row = 0; row < kDraws; ++row)
    once.add(dot(plan_weights(world, inner.plan(world.text, world.process, draws_of(draws, row))),
                 world.subsets.logp));
  const CountDesign design = product_design({{1, 2}, {3, 4}});
  Moments exact = design_moments(world.subsets, design, 1);
  CHECK(once.agrees(exact.mean));
  for (const std::int64_t n : {2, 3, 5}) {
    const Adaptive at_n = estimator.at(n);
    CHECK(mean_failure(world, at_n, elbo_weights(4), 0, kDraws / 4) == "");
    Sampled score, squares, errors;
    for (std::uint64_t row = 0; row < kDraws; ++row) {
      const ScorePlan plan = at_n.plan(world.text, world.process, draws_of(draws, row));
      REQUIRE(plan.num_replicates == n);
      REQUIRE(plan.nominal_copies == 2 * n);
      std::vector<double> readouts;
      for (const Query& query : plan.queries)
        readouts.push_back(
            world.subsets.at(subset_of(world, plan, query.copy),
                             static_cast<std::size_t>(query.position - plan.num_prompt)));
      const double s = dot(plan_weights(world, plan), world.subsets.logp);
      score.add(s);
      squares.add((s - exact.mean) * (s - exact.mean));
      errors.add(std::pow(standard_errors({&plan, 1}, readouts).front(), 2));
    }
    INFO("n = " << n);
    CHECK(score.agrees(exact.mean));
    CHECK(squares.agrees(exact.variance / static_cast<double>(n)));
    // The squared standard error is unbiased for the variance: what the rule goes by.
    CHECK(errors.agrees(exact.variance / static_cast<double>(n)));
  }
  CHECK(estimator.target(4).name == inner.target(4).name);
  CHECK(estimator.nominal_copies(4) == 10);  // planned for max
  const ScorePlan first = inner.plan(world.text, world.process, draws_of(draws, 3));
  const ScorePlan many = estimator.at(3).plan(world.text, world.process, draws_of(draws, 3));
  CHECK(std::equal(first.tokens.begin(), first.tokens.end(), many.tokens.begin()));
  CHECK_THROWS_AS(estimator.at(6), ShapeError);
  CHECK_THROWS_AS(Adaptive(options, estimator), ConfigError);
  CHECK_THROWS_AS(Adaptive(options, Eubo({})), ConfigError);
  CHECK_THROWS_AS(Adaptive({.min = 4, .max = 3}, inner), ConfigError);
}

TEST_CASE("adaptive: constants of repeated plans stay the mean", "[conformance][estimator]") {
  const World world = make_world(3, CosineSchedule());
  const FullTrajectory inner({.steps = 3, .include_reveal_terms = true});
  const Adaptive estimator({.min = 2, .max = 4}, inner);
  const Draws draws(8, "conformance");
  for (std::uint64_t row = 0; row < 50; ++row) {
    double constant = 0;
    std::vector<double> weights(8 * 3, 0.0);
    for (std::int64_t r = 0; r < 4; ++r) {
      const ScorePlan one =
          inner.plan(world.text, world.process, draws_of(draws, row).repetition(r));
      constant += one.constant / 4;
      const auto own = plan_weights(world, one);
      for (std::size_t c = 0; c < own.size(); ++c) weights[c] += own[c] / 4;
    }
    const ScorePlan plan = estimator.at(4).plan(world.text, world.process, draws_of(draws, row));
    CHECK(plan.constant == Approx(constant).epsilon(1e-13));
    CHECK(std::accumulate(plan.replicate_constants.begin(), plan.replicate_constants.end(), 0.0) ==
          Approx(plan.constant).epsilon(1e-13));
    const auto own = plan_weights(world, plan);
    for (std::size_t c = 0; c < own.size(); ++c) CHECK(own[c] == Approx(weights[c]).margin(1e-13));
  }
}

TEST_CASE("The adaptive rule: evaluations follow the smoothed variance, within their range",
          "[conformance][estimator]") {
  const Adaptation rule{.min = 2, .max = 8, .standard_error = 0.5, .smoothing = 0.5};
  AdaptationState state{.evaluations = 2};
  state = next_evaluations(rule, state, 0.5);  // variance at one evaluation: 1.0
  CHECK(state.variance == Approx(1.0));
  CHECK(state.evaluations == 4);                // 1.0 / 0.25
  state = next_evaluations(rule, state, 0.05);  // 0.2 now, smoothed 0.6
  CHECK(state.variance == Approx(0.6));
  CHECK(state.evaluations == 3);
  CHECK(next_evaluations(rule, state, 100.0).evaluations == 8);
  CHECK(next_evaluations({.min = 2, .max = 8, .standard_error = 9, .smoothing = 0}, state, 0.1)
            .evaluations == 2);
}

TEST_CASE("A denoised path: its mean is the one enumerated over the model's own draws",
          "[conformance][estimator]") {
  // R = 2, T = 2, equal times of a linear schedule: each position is revealed first or second.
  const EngineWorld world(3, 4);
  const Text text{{1}, {2, 0}, -1};
  const ToyTable& table = world.policy->table();
  const std::int64_t mask = table.mask_token();
  const auto logp = [&](std::vector<std::int64_t> tokens, std::int64_t position,
                        std::int64_t target) {
    return table.log_probability(tokens, position, target);
  };
  const std::vector<std::int64_t> all{1, mask, mask};
  double together = 0;
  for (const std::int64_t i : {1, 2})
    together += logp(all, i, text.response[static_cast<std::size_t>(i - 1)]);
  double exact = 0.5 * together;
  for (const std::int64_t first : {1, 2}) {
    const std::int64_t second = 3 - first;
    double score = logp(all, first, text.response[static_cast<std::size_t>(first - 1)]);
    for (std::int64_t own = 0; own < table.vocabulary(); ++own) {
      auto tokens = all;
      tokens[static_cast<std::size_t>(first)] = own;  // the model's token, not the text's
      score += std::exp(logp(all, first, own)) *
               logp(tokens, second, text.response[static_cast<std::size_t>(second - 1)]);
    }
    exact += 0.25 * score;
  }
  const FullTrajectory estimator({.steps = 2, .path = TrajectoryPath::denoised});
  CHECK(!estimator.target(2).is_unbiased);
  const MaskedProcess process(3, LinearSchedule());
  const auto engine = world.engine();
  const Draws draws(12, "conformance");
  Sampled score, reference;
  for (std::uint64_t row = 0; row < 8000; ++row) {
    const ScorePlan plan = estimator.plan(text, process, draws_of(draws, row));
    for (const bool of_reference : {false, true}) {
      double s = 0;
      const auto readouts = engine.readouts({&plan, 1}, of_reference);
      for (std::size_t q = 0; q < readouts.size(); ++q) s += plan.queries[q].weight * readouts[q];
      (of_reference ? reference : score).add(s);
    }
  }
  INFO("mean " << score.mean() << ", exact " << exact);
  CHECK(score.agrees(exact));
  CHECK(!reference.agrees(exact));  // the reference walks its own path
  CHECK_THROWS_AS(
      FullTrajectory({.reveal = TrajectoryReveal::expected, .path = TrajectoryPath::denoised}),
      ConfigError);
}

TEST_CASE("A denoised path: the gradient is that of the walked copies, path held fixed",
          "[conformance][estimator]") {
  const EngineWorld world;
  const AnyObjective objective = Sft({});
  const auto texts = toy_texts(6, 1);
  const auto batch =
      toy_batch(texts, 1, FullTrajectory({.steps = 3, .path = TrajectoryPath::denoised}));
  const auto [linear, step] = world.gradient(batch, objective, GradientPath::linear);
  CHECK(relative_distance(world.gradient(batch, objective, GradientPath::retain).first, linear) <
        1e-12);
  CHECK(relative_distance(world.gradient(batch, objective, GradientPath::replay, 4).first, linear) <
        1e-12);
  const auto noised = toy_batch(texts, 1, FullTrajectory({.steps = 3}));
  CHECK(relative_distance(world.gradient(noised, objective, GradientPath::linear).first, linear) >
        1e-3);
}
