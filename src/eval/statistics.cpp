// SPDX-License-Identifier: MIT
#include "lldm/eval/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

void require_values(std::size_t have, std::size_t need, const char* where) {
  if (have < need)
    throw ShapeError(message(where, ": needs at least ", need, " values, got ", have));
}

void validate_confidence(double confidence, const char* where) {
  if (!(confidence > 0 && confidence < 1))
    throw ShapeError(message(where, ": confidence must be in (0, 1), got ", confidence));
}

double resampled_mean(std::span<const double> values, Stream& draws) {
  const auto n = static_cast<std::int64_t>(values.size());
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += values[static_cast<std::size_t>(draws.below(n))];
  return sum / static_cast<double>(n);
}

// The middle `confidence` of what `resample` gives.
template <class Resample>
Interval percentile_interval(const BootstrapSettings& settings, const Resample& resample) {
  validate_confidence(settings.confidence, "bootstrap");
  if (settings.resamples < 1)
    throw ShapeError(message("bootstrap: resamples must be at least 1, got ", settings.resamples));
  std::vector<double> means(static_cast<std::size_t>(settings.resamples));
  for (auto& value : means) value = resample();
  const double tail = (1 - settings.confidence) / 2;
  return {quantile(means, tail), quantile(means, 1 - tail)};
}

}  // namespace

double mean(std::span<const double> values) {
  require_values(values.size(), 1, "mean");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  require_values(values.size(), 2, "standard_deviation");
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double standard_error(std::span<const double> values) {
  return standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
}

double quantile(std::vector<double> values, double p) {
  require_values(values.size(), 1, "quantile");
  if (!(p >= 0 && p <= 1)) throw ShapeError(message("quantile: p must be in [0, 1], got ", p));
  std::sort(values.begin(), values.end());
  const double place = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, values.size() - 1);
  const double share = place - static_cast<double>(below);
  return share == 0 ? values[below] : values[below] + share * (values[above] - values[below]);
}

double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) throw ShapeError(message("normal_quantile: p must be in (0, 1), got ", p));
  double low = -40, high = 40;  // bisection of a monotone function: slow, short and right
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval bootstrap_mean(std::span<const double> values, Stream draws,
                        const BootstrapSettings& settings) {
  require_values(values.size(), 1, "bootstrap_mean");
  return percentile_interval(settings, [&] { return resampled_mean(values, draws); });
}

Interval bootstrap_paired_difference(std::span<const double> a, std::span<const double> b,
                                     Stream draws, const BootstrapSettings& settings) {
  if (a.size() != b.size())
    throw ShapeError(message("bootstrap_paired_difference: sizes must be equal, got ", a.size(),
                             " and ", b.size()));
  std::vector<double> differences(a.size());
  std::transform(a.begin(), a.end(), b.begin(), differences.begin(), std::minus<>());
  return bootstrap_mean(differences, draws, settings);
}

Interval bootstrap_over_seeds(const std::vector<std::vector<double>>& by_seed,
                              SeedResampling resampling, Stream draws,
                              const BootstrapSettings& settings) {
  require_values(by_seed.size(), 1, "bootstrap_over_seeds");
  for (const auto& values : by_seed)
    require_values(values.size(), 1, "bootstrap_over_seeds, a seed");
  const auto num_seeds = static_cast<std::int64_t>(by_seed.size());
  return percentile_interval(settings, [&] {
    double sum = 0;
    for (std::int64_t i = 0; i < num_seeds; ++i) {
      const auto seed =
          resampling == SeedResampling::items_within_seeds ? i : draws.below(num_seeds);
      sum += resampled_mean(by_seed[static_cast<std::size_t>(seed)], draws);
    }
    return sum / static_cast<double>(num_seeds);
  });
}

Interval wilson_interval(double successes, std::int64_t trials, double confidence) {
  validate_confidence(confidence, "wilson_interval");
  const auto n = static_cast<double>(trials);
  if (trials < 1 || !(successes >= 0 && successes <= n))
    throw ShapeError(
        message("wilson_interval: successes must be in [0, trials] with trials >= 1, got ",
                successes, " of ", trials));
  const double z = normal_quantile((1 + confidence) / 2), share = successes / n;
  const double centre = share + z * z / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  // Exactly 0 and 1 where none or all succeed: rounding would leave 1e-19.
  return {successes == 0 ? 0.0 : (centre - half) / scale,
          successes == n ? 1.0 : (centre + half) / scale};
}

}  // namespace lldm
