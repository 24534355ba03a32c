// SPDX-License-Identifier: MIT
// Exact tests of paired differences, and Student's interval: right with few items and few flips.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "lldm/eval/statistics.hpp"

namespace lldm {

/// McNemar's exact two-sided test of a paired change of a share.
///
/// Of the items that flipped, `gained` went from wrong to right and `lost` from right to wrong;
/// under no change each way is as likely: p = min(1, 2 P(X <= min(gained, lost))) with X ~
/// Binomial(gained + lost, 1/2), 1 without flips.  Not the mid-p variant.
/// Errors  ShapeError: a negative count.
/// Source  McNemar 1947; Fagerland, Lydersen and Laake 2013, section 2.2.
[[nodiscard]] double mcnemar_exact(std::int64_t gained, std::int64_t lost);

/// Exact two-sided sign-flip test that the mean of paired differences is zero: the share of all
/// 2^n ways to flip their signs whose sum is at least as far from zero as the one seen.  Where the
/// differences are -1, 0 and 1 this is `mcnemar_exact`.
///
/// Nothing where twice a difference is no integer (halves are ties), or the sums are too many to
/// go through.
/// Source  Fisher 1935, section 21.
[[nodiscard]] std::optional<double> sign_flip_test(std::span<const double> differences);

/// The t with P(T <= t) = p for Student's T with `degrees` degrees of freedom, within 1e-9.
/// Errors  ShapeError: p outside (0, 1), degrees < 1.
/// Source  Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
[[nodiscard]] double student_quantile(double p, std::int64_t degrees);

/// Student's interval of the mean.  ShapeError with fewer than two values.
[[nodiscard]] Interval student_interval(std::span<const double> values, double confidence = 0.95);

/// Whether a metric of this name is a share of items, ties one half: accuracies, matches.
[[nodiscard]] bool is_share(std::string_view metric);

/// The mean of one value an item, with the interval that fits it.
struct ItemMean {
  double mean = 0;
  std::optional<Interval> interval;  // nothing where it has none
  const char* kind = "none";         // "Wilson", "bootstrap" or "none"
};

/// Wilson's interval of a share; else the bootstrap's over items, and none where items are fewer
/// than two or all equal: resampling them says nothing.
/// Errors  ShapeError: no values; of a share values outside [0, 1].
[[nodiscard]] ItemMean mean_of_items(std::span<const double> values, bool is_share, Stream draws);

}  // namespace lldm
