// SPDX-License-Identifier: MIT
#include "lldm/eval/paired_test.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr double kMostSteps = 4e8;  // of the sums' distribution: about a second

/// P(|T| <= t) for t >= 0.
double student_share(double t, std::int64_t degrees) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const bool is_odd = degrees % 2 == 1;
  double term = is_odd ? cosine : 1.0, sum = degrees == 1 ? 0.0 : term;
  for (std::int64_t k = is_odd ? 3 : 2; k < degrees; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return is_odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

/// Probabilities of the sums of `steps` with random signs, at 0 ... 2 total (total: sum zero).
std::vector<double> signed_sums(const std::vector<std::int64_t>& steps, std::int64_t total) {
  std::vector<double> at(static_cast<std::size_t>(2 * total + 1), 0.0), next(at.size());
  at[static_cast<std::size_t>(total)] = 1;
  std::int64_t reach = 0;
  for (const std::int64_t step : steps) {
    std::fill(next.begin(), next.end(), 0.0);
    for (std::int64_t s = total - reach; s <= total + reach; ++s) {
      const double half = at[static_cast<std::size_t>(s)] / 2;
      next[static_cast<std::size_t>(s - step)] += half;
      next[static_cast<std::size_t>(s + step)] += half;
    }
    reach += step;
    at.swap(next);
  }
  return at;
}

}  // namespace

double mcnemar_exact(std::int64_t gained, std::int64_t lost) {
  if (gained < 0 || lost < 0)
    throw ShapeError(
        message("mcnemar_exact: counts must be at least 0, got ", gained, " and ", lost));
  const std::int64_t flips = gained + lost, fewer = std::min(gained, lost);
  if (gained == lost) return 1;
  // No rounding while the terms are small numbers over a power of two; logarithms where 2^-flips
  // is no number any more.
  const auto n = static_cast<double>(flips);
  double term = std::ldexp(1.0, static_cast<int>(-std::min<std::int64_t>(flips, 1000))), sum = term;
  if (flips > 1000) sum = 0;
  for (std::int64_t k = flips > 1000 ? 0 : 1; k <= fewer; ++k) {
    const auto i = static_cast<double>(k);
    term = flips > 1000 ? std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) -
                                   std::lgamma(n - i + 1) - n * std::numbers::ln2)
                        : term * (n - i + 1) / i;
    sum += term;
  }
  return std::min(1.0, 2 * sum);
}

std::optional<double> sign_flip_test(std::span<const double> differences) {
  std::vector<std::int64_t> steps;
  std::int64_t total = 0, seen = 0;
  for (const double difference : differences) {
    const double twice = 2 * difference, whole = std::round(twice);
    if (!(std::abs(twice - whole) <= 1e-9) || std::abs(whole) > 1e6) return std::nullopt;
    if (whole == 0) continue;
    steps.push_back(static_cast<std::int64_t>(std::abs(whole)));
    total += steps.back();
    seen += static_cast<std::int64_t>(whole);
  }
  if (steps.empty()) return 1.0;
  if (std::all_of(steps.begin(), steps.end(), [&](std::int64_t s) { return s == steps.front(); })) {
    const std::int64_t flips = total / steps.front(), net = seen / steps.front();
    return mcnemar_exact((flips + net) / 2, (flips - net) / 2);
  }
  if (static_cast<double>(steps.size()) * static_cast<double>(2 * total + 1) > kMostSteps)
    return std::nullopt;
  const std::vector<double> at = signed_sums(steps, total);
  double far = 0;
  for (std::int64_t s = -total; s <= total; ++s)
    if (std::abs(s) >= std::abs(seen)) far += at[static_cast<std::size_t>(s + total)];
  return std::min(1.0, far);
}

double student_quantile(double p, std::int64_t degrees) {
  if (!(p > 0 && p < 1) || degrees < 1)
    throw ShapeError(message("student_quantile: p must be in (0, 1) and degrees at least 1, got ",
                             p, " and ", degrees));
  if (p < 0.5) return -student_quantile(1 - p, degrees);
  double low = 0, high = 1;
  while (student_share(high, degrees) < 2 * p - 1) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
    const double middle = (low + high) / 2;
    (student_share(middle, degrees) < 2 * p - 1 ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval student_interval(std::span<const double> values, double confidence) {
  const double centre = mean(values);
  const double half =
      standard_error(values) *
      student_quantile((1 + confidence) / 2, static_cast<std::int64_t>(values.size()) - 1);
  return {centre - half, centre + half};
}

bool is_share(std::string_view metric) {
  return metric == "exact" || metric == "flexible_extract" || metric == "accuracy" ||
         metric.ends_with("_accuracy") || metric.ends_with("_accuracy_per_token") ||
         metric.ends_with("_match") || metric.ends_with("_wins") ||
         metric.starts_with("check_");  // checks that failed
}

ItemMean mean_of_items(std::span<const double> values, bool is_share, Stream draws) {
  ItemMean result{.mean = mean(values), .interval = std::nullopt};
  if (is_share) {
    const auto items = static_cast<std::int64_t>(values.size());
    result.interval = wilson_interval(result.mean * static_cast<double>(items), items);
    result.kind = "Wilson";
  } else if (std::any_of(values.begin(), values.end(),
                         [&](double value) { return value != values.front(); })) {
    result.interval = bootstrap_mean(values, draws);
    result.kind = "bootstrap";
  }
  return result;
}

}  // namespace lldm
