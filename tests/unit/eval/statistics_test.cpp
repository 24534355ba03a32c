// SPDX-License-Identifier: MIT
#include "lldm/eval/statistics.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
Stream stream(std::uint64_t row = 0) { return Draws(5, "test").stream(Purpose::bootstrap, 0, row); }
}  // namespace

TEST_CASE("Mean, deviation and quantiles are those of the formula", "[eval][statistics]") {
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  CHECK(mean(values) == 5);
  CHECK(standard_deviation(values) == Approx(std::sqrt(32.0 / 7)).epsilon(1e-14));
  CHECK(standard_error(values) == Approx(std::sqrt(32.0 / 7 / 8)).epsilon(1e-14));
  CHECK(quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
  CHECK(quantile({4, 1, 3, 2}, 0.5) == 2.5);
  CHECK(quantile({4, 1, 3, 2}, 0.25) == 1.75);
  CHECK_THROWS_AS(mean({}), ShapeError);
  CHECK_THROWS_AS(standard_deviation(std::vector<double>{1.0}), ShapeError);
  CHECK_THROWS_AS(quantile({1}, 1.5), ShapeError);
}

TEST_CASE("normal_quantile inverts the normal distribution", "[eval][statistics]") {
  CHECK(normal_quantile(0.5) == Approx(0).margin(1e-12));
  CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-12));
  CHECK(normal_quantile(1e-10) == Approx(-6.361340902404056).epsilon(1e-10));
  CHECK_THROWS_AS(normal_quantile(1), ShapeError);
}

TEST_CASE("wilson_interval is Wilson's", "[eval][statistics]") {
  // Closed form at z = 1.959964: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
  const auto interval = wilson_interval(8, 10);
  CHECK(interval.low == Approx(0.490162).margin(1e-6));
  CHECK(interval.high == Approx(0.943318).margin(1e-6));
  CHECK(wilson_interval(0, 20).low == 0);
  CHECK(wilson_interval(0, 20).high == Approx(3.841459 / 23.841459).margin(1e-6));
  CHECK(wilson_interval(20, 20).high == 1);
  for (int n = 1; n < 2000; ++n) {  // exactly, not to rounding
    CHECK(wilson_interval(0, n).low == 0);
    CHECK(wilson_interval(n, n).high == 1);
  }
  CHECK_THROWS_AS(wilson_interval(0, 0), ShapeError);
  CHECK_THROWS_AS(wilson_interval(3, 2), ShapeError);
}

TEST_CASE("The bootstrap of two values has the known distribution", "[eval][statistics]") {
  // Means 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
  const std::vector<double> values = {0, 1};
  CHECK(bootstrap_mean(values, stream()) == Interval{0, 1});
  CHECK(bootstrap_mean(values, stream(), {.confidence = 0.4}) == Interval{0.5, 0.5});
  CHECK(bootstrap_mean(values, stream(), {.confidence = 0.6}) == Interval{0, 1});
}

TEST_CASE("The bootstrap of many values is the normal interval", "[eval][statistics]") {
  Stream noise = stream(1);
  std::vector<double> values(2000);
  for (auto& value : values) value = 3 + 2 * noise.normal();
  const auto interval = bootstrap_mean(values, stream(2), {.confidence = 0.95, .resamples = 8000});
  const double half = 1.959964 * standard_error(values);
  CHECK(interval.low == Approx(mean(values) - half).margin(0.06 * half));
  CHECK(interval.high == Approx(mean(values) + half).margin(0.06 * half));
}

TEST_CASE("The bootstrap interval covers the truth about as often as it says",
          "[eval][statistics]") {
  int num_covered = 0;
  for (std::uint64_t run = 0; run < 300; ++run) {
    Stream noise = stream(100 + run);
    std::vector<double> values(60);
    for (auto& value : values) value = noise.normal();
    const auto interval =
        bootstrap_mean(values, stream(1000 + run), {.confidence = 0.9, .resamples = 400});
    num_covered += interval.low <= 0 && 0 <= interval.high;
  }
  CHECK(num_covered >
        250);  // 270 expected, standard deviation 5.2, and the percentile interval is a bit short
  CHECK(num_covered < 288);
}

TEST_CASE("A paired difference cancels what the items share", "[eval][statistics]") {
  Stream noise = stream(3);
  std::vector<double> a(200), b(200);
  for (std::size_t i = 0; i < a.size(); ++i) b[i] = 100 * noise.normal(), a[i] = b[i] + 1;
  const auto interval = bootstrap_paired_difference(a, b, stream(4));
  CHECK(interval.low == Approx(1).margin(1e-9));
  CHECK(interval.high == Approx(1).margin(1e-9));
  CHECK(bootstrap_mean(a, stream(4)).high - bootstrap_mean(a, stream(4)).low > 10);
  CHECK_THROWS_AS(bootstrap_paired_difference(a, std::vector<double>(3), stream()), ShapeError);
}

TEST_CASE("Seeds weigh the same, and are drawn only when asked", "[eval][statistics]") {
  const std::vector<std::vector<double>> constant = {{1, 1, 1, 1}, {3}};
  CHECK(bootstrap_over_seeds(constant, SeedResampling::items_within_seeds, stream()) ==
        Interval{2, 2});
  CHECK(bootstrap_over_seeds(constant, SeedResampling::seeds_and_items, stream()) ==
        Interval{1, 3});
  // One seed: nothing but its items.
  Stream noise = stream(5);
  std::vector<double> values(50);
  for (auto& value : values) value = noise.normal();
  CHECK(bootstrap_over_seeds({values}, SeedResampling::items_within_seeds, stream(6)) ==
        bootstrap_mean(values, stream(6)));
  // Independent seeds: variances of the seeds' means add, divided by their number squared.
  std::vector<std::vector<double>> seeds(4, std::vector<double>(500));
  for (auto& seed : seeds)
    for (auto& value : seed) value = noise.normal();
  double variance = 0;
  for (const auto& seed : seeds) variance += std::pow(standard_error(seed), 2) / 16;
  const auto interval = bootstrap_over_seeds(seeds, SeedResampling::items_within_seeds, stream(7));
  CHECK(interval.high - interval.low == Approx(2 * 1.96 * std::sqrt(variance)).epsilon(0.06));
  CHECK_THROWS_AS(bootstrap_over_seeds({}, SeedResampling::items_within_seeds, stream()),
                  ShapeError);
  CHECK_THROWS_AS(bootstrap_over_seeds({{}}, SeedResampling::items_within_seeds, stream()),
                  ShapeError);
}

TEST_CASE("Intervals are a function of their stream and settings", "[eval][statistics]") {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(bootstrap_mean(values, stream(8)) == bootstrap_mean(values, stream(8)));
  CHECK_THROWS_AS(bootstrap_mean(values, stream(), {.confidence = 1}), ShapeError);
  CHECK_THROWS_AS(bootstrap_mean(values, stream(), {.confidence = 0.9, .resamples = 0}),
                  ShapeError);
}
