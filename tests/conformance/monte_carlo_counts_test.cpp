// SPDX-License-Identifier: MIT
// monte_carlo_elbo: counts, times, pairings; exact means and variances of every combination.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/round.h>

#include <map>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "support/catch.hpp"
#include "support/exact_moments.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr int kDraws = 40000;

/// LLaDA's own line: round(linspace(k, k + (b - 1) * (L / b), b)), wrapped to 1..L.
std::vector<int> llada_reference(int k, int size, int n) {
  const double end = k + (n - 1) * (static_cast<double>(size) / n);
  const at::Tensor x = at::round(at::linspace(static_cast<double>(k), end, n, at::kFloat));
  std::vector<int> counts;
  for (int j = 0; j < n; ++j)
    counts.push_back((static_cast<int>(x[j].item<float>()) - 1) % size + 1);
  return counts;
}

/// The equally likely count vectors of a pairing, written down from its definition.
CountDesign design_of(DrawPairing pairing, int size, int n) {
  std::vector<std::vector<int>> choices(static_cast<std::size_t>(n));
  CountDesign rotations;
  for (int k = 1; k <= size; ++k) {
    if (pairing == DrawPairing::llada_rounding) {
      rotations.push_back(llada_reference(k, size, n));
      continue;
    }
    rotations.emplace_back();
    for (int j = 0; j < n; ++j) rotations.back().push_back((k - 1 + j * size / n) % size + 1);
  }
  if (pairing == DrawPairing::systematic || pairing == DrawPairing::llada_rounding)
    return rotations;
  for (int j = 0; j < n; ++j)
    for (int u = 0; u < size; ++u)
      choices[static_cast<std::size_t>(j)].push_back(
          pairing == DrawPairing::stratified ? (j * size + u) / n + 1 : u + 1);
  return product_design(choices);
}

/// How often each count occurs in a whole design, per R: equal numbers mean unbiased.
bool is_uniform(const CountDesign& design, int size) {
  std::vector<std::size_t> times(static_cast<std::size_t>(size), 0);
  for (const auto& counts : design)
    for (const int l : counts) ++times[static_cast<std::size_t>(l - 1)];
  return std::all_of(times.begin(), times.end(), [&](std::size_t n) { return n == times[0]; });
}

}  // namespace

TEST_CASE("monte_carlo_elbo: every pairing draws exactly its design of counts",
          "[conformance][estimator]") {
  const Draws draws(21, "counts");
  for (const auto pairing : {DrawPairing::iid, DrawPairing::stratified, DrawPairing::systematic,
                             DrawPairing::llada_rounding})
    for (const int size : {1, 2, 3, 5})
      for (const int n : {1, 2, 3, 4, 7}) {
        if (pairing == DrawPairing::iid && n > 3) continue;
        if (pairing == DrawPairing::stratified && n > 4 && size > 2) continue;
        const CountDesign design = design_of(pairing, size, n);
        std::map<std::vector<int>, double> expected, seen;
        for (const auto& counts : design)
          expected[counts] += 1.0 / static_cast<double>(design.size());
        const double total = 300.0 * static_cast<double>(design.size());
        const MonteCarloElbo estimator({.draws = n, .pairing = pairing});
        for (std::uint64_t row = 0; row < static_cast<std::uint64_t>(total); ++row) {
          Stream stream = draws_of(draws, row).stream(0);
          const auto counts = estimator.draw_counts(size, stream);
          seen[std::vector<int>(counts.begin(), counts.end())] += 1.0 / total;
        }
        INFO("pairing " << static_cast<int>(pairing) << ", R = " << size << ", n = " << n);
        CHECK(seen.size() == expected.size());
        for (const auto& [counts, p] : expected)
          CHECK(seen[counts] == Approx(p).margin(7 * std::sqrt(p / total) + 20 / total));
        if (pairing != DrawPairing::llada_rounding) CHECK(is_uniform(design, size));
        CHECK(estimator.target(size).is_unbiased == is_uniform(design, size));
        CHECK(estimator.target(size).name == "elbo");
      }
}

TEST_CASE("monte_carlo_elbo: llada_rounding declares its bias rightly for every R and n",
          "[conformance][estimator]") {
  int biased = 0, total = 0;
  for (int size = 1; size <= 24; ++size)
    for (int n = 1; n <= 32; ++n) {
      const CountDesign design = design_of(DrawPairing::llada_rounding, size, n);
      const MonteCarloElbo estimator({.draws = n, .pairing = DrawPairing::llada_rounding});
      INFO("R = " << size << ", n = " << n);
      CHECK(estimator.target(size).is_unbiased == is_uniform(design, size));
      biased += !is_uniform(design, size);
      ++total;
    }
  CHECK(biased > 100);
  CHECK(biased < total);
  // The size of the bias, on a table: exactly the design's mean.
  const World world = make_world(4);
  const CountDesign design = design_of(DrawPairing::llada_rounding, 4, 8);
  const Moments exact = design_moments(world.subsets, design, 1);
  CHECK(std::abs(exact.mean - dot(elbo_weights(4), world.subsets.logp)) > 0.01);
  CHECK(variance_failure(world,
                         MonteCarloElbo({.draws = 8, .pairing = DrawPairing::llada_rounding}),
                         exact, kDraws) == "");
}

TEST_CASE("monte_carlo_elbo: uniform counts estimate elbo with the exact variance",
          "[conformance][estimator]") {
  struct Budget {
    int draws, masks_per_time, replicates;
  };
  for (const int size : {1, 2, 4})
    for (const auto& [draws, masks, replicates] :
         {Budget{1, 1, 1}, Budget{2, 1, 1}, Budget{4, 2, 1}, Budget{6, 1, 1}, Budget{2, 1, 3}})
      for (const auto pairing : {DrawPairing::iid, DrawPairing::stratified, DrawPairing::systematic,
                                 DrawPairing::antithetic, DrawPairing::llada_rounding}) {
        const int distinct = draws / masks;
        if (pairing == DrawPairing::antithetic && distinct % 2 != 0) continue;
        const World world = make_world(static_cast<std::size_t>(size));
        const MonteCarloElbo estimator({.draws = draws,
                                        .masks_per_time = masks,
                                        .pairing = pairing,
                                        .replicates = replicates});
        INFO("R = " << size << ", n = " << draws << ", masks per time " << masks << ", replicates "
                    << replicates << ", pairing " << static_cast<int>(pairing));
        Moments exact =
            pairing == DrawPairing::antithetic
                ? antithetic_moments(world.subsets, distinct, masks)
                : design_moments(world.subsets, design_of(pairing, size, distinct), masks);
        exact.variance /= replicates;
        CHECK(variance_failure(world, estimator, exact, kDraws) == "");
        if (estimator.target(size).is_unbiased) {
          CHECK(exact.mean ==
                Approx(dot(elbo_weights(world.subsets.size), world.subsets.logp)).epsilon(1e-12));
          CHECK(mean_failure(world, estimator, elbo_weights(world.subsets.size), 0, kDraws) == "");
        }
      }
}

TEST_CASE("monte_carlo_elbo: iid variance is the published decomposition",
          "[conformance][estimator]") {
  const World world = make_world(4);
  std::vector<std::pair<double, double>> means;
  double within = 0;
  for (int l = 1; l <= 4; ++l) {
    means.emplace_back(0.25, moments_of_count(world.subsets, l).mean);
    within += moments_of_count(world.subsets, l).variance / 4;
  }
  const Moments exact = design_moments(world.subsets, design_of(DrawPairing::iid, 4, 3), 2);
  CHECK(exact.variance == Approx(moments_of(means).variance / 3 + within / 6).epsilon(1e-12));
}

TEST_CASE("monte_carlo_elbo: stratified never varies more than iid", "[conformance][estimator]") {
  int systematic_worse = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    for (const int size : {2, 3, 4})
      for (const int n : {2, 3, 5}) {
        const World world = make_world(static_cast<std::size_t>(size), LinearSchedule(), seed);
        const auto variance = [&](DrawPairing pairing) {
          return design_moments(world.subsets, design_of(pairing, size, n), 1).variance;
        };
        CHECK(variance(DrawPairing::stratified) <= variance(DrawPairing::iid) * (1 + 1e-12));
        systematic_worse += variance(DrawPairing::systematic) > variance(DrawPairing::iid);
      }
  CHECK(systematic_worse > 0);  // it may exceed iid's: systematic counts hang together
}

TEST_CASE("monte_carlo_elbo: Bernoulli masks estimate elbo_truncated with the exact variance",
          "[conformance][estimator]") {
  constexpr double eps = 0.1;
  for (const NamedSchedule& schedule : named_schedules())
    for (const auto& [draws, masks] : {std::pair{1, 1}, {2, 1}, {4, 2}, {3, 1}})
      for (const auto pairing : {DrawPairing::iid, DrawPairing::stratified, DrawPairing::systematic,
                                 DrawPairing::antithetic}) {
        const int distinct = draws / masks;
        if (pairing == DrawPairing::antithetic && distinct % 2 != 0) continue;
        const World world = make_world(3, schedule.schedule, 3);
        const MonteCarloElbo estimator({.draws = draws,
                                        .masks_per_time = masks,
                                        .count = MaskCount::bernoulli,
                                        .pairing = pairing,
                                        .time_min = eps});
        INFO(schedule.name << ", n = " << draws << ", masks per time " << masks << ", pairing "
                           << static_cast<int>(pairing));
        const auto weights =
            truncated_weights(3, eps, schedule.formula.alpha(eps), schedule.formula.alpha(1.0));
        CHECK(mean_failure(world, estimator, weights, 0, kDraws) == "");
        const SubsetTable& table = world.subsets;
        const Moments exact =
            pairing == DrawPairing::iid
                ? strata_moments(table, schedule.formula, eps, 1, distinct, masks)
            : pairing == DrawPairing::stratified
                ? strata_moments(table, schedule.formula, eps, distinct, 1, masks)
            : pairing == DrawPairing::systematic
                ? systematic_time_moments(table, schedule.formula, eps, distinct, masks)
                : antithetic_time_moments(table, schedule.formula, eps, distinct, masks);
        CHECK(exact.mean == Approx(dot(weights, table.logp)).epsilon(1e-5));
        CHECK(variance_failure(world, estimator, exact, kDraws) == "");
        CHECK(estimator.target(3).name == "elbo_truncated(0.1)");
        CHECK(estimator.reads_schedule());
      }
}

TEST_CASE("monte_carlo_elbo: the linear weight is one over the mask probability",
          "[conformance][estimator]") {
  const World world = make_world(5);
  const Draws draws(22, "weights");
  const MonteCarloElbo estimator({.draws = 3, .count = MaskCount::bernoulli, .time_min = 0.01});
  for (std::uint64_t row = 0; row < 200; ++row) {
    const TextDraws own = draws_of(draws, row);
    Stream shared = own.stream(0);
    const std::vector<double> times = estimator.draw_times(shared);
    const ScorePlan plan = estimator.plan(world.text, world.process, own);
    for (const Query& query : plan.queries) {
      const auto j = static_cast<std::size_t>(
          plan.replicate[static_cast<std::size_t>(query.copy)]);  // iid: one draw a replicate
      CHECK(query.weight == Approx(1.0 / (3 * times[j])).epsilon(1e-13));
    }
  }
}

TEST_CASE("monte_carlo_elbo: times lie in [time_min, 1], one in every stratum",
          "[conformance][estimator]") {
  const Draws draws(23, "times");
  for (const auto pairing : {DrawPairing::iid, DrawPairing::stratified, DrawPairing::systematic,
                             DrawPairing::antithetic}) {
    const MonteCarloElbo estimator(
        {.draws = 4, .count = MaskCount::bernoulli, .pairing = pairing, .time_min = 0.2});
    for (std::uint64_t row = 0; row < 300; ++row) {
      Stream stream = draws_of(draws, row).stream(0);
      const auto times = estimator.draw_times(stream);
      REQUIRE(times.size() == 4);
      for (std::size_t j = 0; j < 4; ++j) {
        CHECK(times[j] >= 0.2);
        CHECK(times[j] <= 1.0);
        const double part = (times[j] - 0.2) / 0.8 * 4;
        if (pairing == DrawPairing::stratified || pairing == DrawPairing::systematic)
          CHECK(std::floor(part) == static_cast<double>(j));
        if (pairing == DrawPairing::systematic)
          CHECK(times[j] == Approx(times[0] + 0.2 * static_cast<double>(j)).epsilon(1e-12));
        if (pairing == DrawPairing::antithetic && j % 2 == 1)
          CHECK(times[j] == Approx(1.2 - times[j - 1]).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("monte_carlo_elbo: a time at which nothing is noised gives no copy",
          "[conformance][estimator]") {
  const World world = make_world(3, LateSchedule());
  const MonteCarloElbo estimator({.draws = 1, .count = MaskCount::bernoulli, .time_min = 0.05});
  CHECK(mean_failure(world, estimator, truncated_weights(3, 0.05, 1.0, 0.0), 0, 4 * kDraws) == "");
}
