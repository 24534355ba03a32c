// SPDX-License-Identifier: MIT
// Means and intervals of evaluation figures.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// Arithmetic mean.  ShapeError if there are no values.
[[nodiscard]] double mean(std::span<const double> values);
/// Sample standard deviation, divisor n - 1.  ShapeError with fewer than two values.
[[nodiscard]] double standard_deviation(std::span<const double> values);
/// standard_deviation / sqrt(n).
[[nodiscard]] double standard_error(std::span<const double> values);
/// Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996;
/// numpy's default).  ShapeError if there are no values or p is outside [0, 1].
[[nodiscard]] double quantile(std::vector<double> values, double p);
/// The z with P(Z <= z) = p for a standard normal Z, 0 < p < 1, within 1e-12.
[[nodiscard]] double normal_quantile(double p);

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};

/// How intervals are made.
struct BootstrapSettings {
  double confidence = 0.95;       // in (0, 1)
  std::int64_t resamples = 4000;  // about 0.1 s for 1500 values
};

/// Percentile bootstrap interval of the mean: items drawn with replacement.
/// Random  reads `draws` (Purpose::bootstrap) only; the same stream gives the same interval.
/// Errors  ShapeError: no values, confidence outside (0, 1), resamples < 1.
/// Source  Efron and Tibshirani 1993, chapter 13.
[[nodiscard]] Interval bootstrap_mean(std::span<const double> values, Stream draws,
                                      const BootstrapSettings& settings = {});

/// Percentile bootstrap interval of mean(a) - mean(b) where a[i] and b[i] are of the same item:
/// pairs are drawn, so that what an item contributes to both sides cancels.  ShapeError also if the
/// sizes differ.
[[nodiscard]] Interval bootstrap_paired_difference(std::span<const double> a,
                                                   std::span<const double> b, Stream draws,
                                                   const BootstrapSettings& settings = {});

/// What a resample of several seeds draws.
enum class SeedResampling : std::uint8_t {
  items_within_seeds,  // seeds kept: the interval is for these seeds, over new items
  seeds_and_items,     // seeds drawn too: for new seeds and items; wide and rough with few seeds
};

/// Percentile bootstrap interval of the mean over seeds of each seed's mean over its items.
///
/// `by_seed[s]` holds one value an item; seeds weigh the same whatever their number of items.  For
/// a paired difference of two models pass the differences by item.
///
/// Errors  ShapeError: no seeds, a seed without items, bad settings.
[[nodiscard]] Interval bootstrap_over_seeds(const std::vector<std::vector<double>>& by_seed,
                                            SeedResampling resampling, Stream draws,
                                            const BootstrapSettings& settings = {});

/// Wilson's score interval of a share: right also near 0 and 1, where the bootstrap is not.
/// Errors  ShapeError: trials < 1, successes outside [0, trials], confidence outside (0, 1).
/// Source  Wilson 1927; Brown, Cai and DasGupta 2001.
[[nodiscard]] Interval wilson_interval(double successes, std::int64_t trials,
                                       double confidence = 0.95);

}  // namespace lldm
