// SPDX-License-Identifier: MIT
// Exact mean and variance of one plan's score, by enumeration of everything it draws.
#pragma once

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "support/exact_targets.hpp"

namespace lldm::testing {

/// Moments of a discrete variable given by (probability, value); probabilities sum to 1.
inline Moments moments_of(const std::vector<std::pair<double, double>>& outcomes) {
  Moments moments;
  for (const auto& [p, x] : outcomes) moments.mean += p * x;
  for (const auto& [p, x] : outcomes)
    moments.variance += p * (x - moments.mean) * (x - moments.mean);
  return moments;
}

/// Moments of (R / l) sum_{i in M} log p over the masks of exactly l positions.
inline Moments moments_of_count(const SubsetTable& table, int l) {
  const int n = static_cast<int>(table.size);
  std::vector<std::pair<double, double>> outcomes;
  for (std::size_t subset = 1; subset < table.subsets(); ++subset)
    if (bits(subset) == l) outcomes.emplace_back(1.0 / binomial(n, l), table.sum(subset) * n / l);
  return moments_of(outcomes);
}

/// Equally likely count vectors of a design, each [n_t]; masks given the counts are independent.
using CountDesign = std::vector<std::vector<int>>;

/// Moments of (1 / (n_t n_y)) sum over counts and masks, given the design of the counts.
inline Moments design_moments(const SubsetTable& table, const CountDesign& design,
                              int masks_per_time) {
  std::vector<Moments> by_count(table.size + 1);
  for (std::size_t l = 1; l <= table.size; ++l)
    by_count[l] = moments_of_count(table, static_cast<int>(l));
  std::vector<std::pair<double, double>> means;
  double within = 0;
  for (const auto& counts : design) {
    const auto n = static_cast<double>(counts.size());
    double mean = 0;
    for (const int l : counts) {
      mean += by_count[static_cast<std::size_t>(l)].mean / n;
      within += by_count[static_cast<std::size_t>(l)].variance / (n * n * masks_per_time) /
                static_cast<double>(design.size());
    }
    means.emplace_back(1.0 / static_cast<double>(design.size()), mean);
  }
  Moments moments = moments_of(means);
  moments.variance += within;
  return moments;
}

/// Every vector of n values, each from its own list.
inline CountDesign product_design(const std::vector<std::vector<int>>& choices) {
  CountDesign design{{}};
  for (const auto& list : choices) {
    CountDesign longer;
    for (const auto& counts : design)
      for (const int value : list) {
        longer.push_back(counts);
        longer.back().push_back(value);
      }
    design = std::move(longer);
  }
  return design;
}

/// Antithetic counts: n_t / 2 independent pairs (l, M), (R + 1 - l, complement of M and one of M).
inline Moments antithetic_moments(const SubsetTable& table, int counts, int masks_per_time) {
  const int n = static_cast<int>(table.size);
  const std::size_t all = table.subsets() - 1;
  std::vector<std::pair<double, double>> means;
  double within = 0;
  for (int l = 1; l <= n; ++l) {
    std::vector<std::pair<double, double>> outcomes;
    for (std::size_t subset = 1; subset <= all; ++subset) {
      if (bits(subset) != l) continue;
      for (std::size_t i = 0; i < table.size; ++i) {
        if (!(subset >> i & 1)) continue;
        const std::size_t other = (all & ~subset) | std::size_t{1} << i;
        outcomes.emplace_back(
            1.0 / (binomial(n, l) * l),
            0.5 * (table.sum(subset) * n / l + table.sum(other) * n / (n + 1 - l)));
      }
    }
    const Moments given = moments_of(outcomes);
    means.emplace_back(1.0 / n, given.mean);
    within += given.variance / n;
  }
  Moments moments = moments_of(means);
  moments.variance = (moments.variance + within / masks_per_time) * 2.0 / counts;
  return moments;
}

/// Moments of a path score: sampled or expected reveal; with K > 0 segments of which m steps each
/// are drawn without replacement.
inline Moments path_moments(const SubsetTable& table, const std::vector<double>& alphas,
                            bool expected, int segments = 0, int per_segment = 0) {
  const int steps = static_cast<int>(alphas.size()) - 1;
  std::vector<std::pair<double, double>> totals;
  double within = 0;
  for (const Path& path : all_paths(table.size, alphas)) {
    std::vector<double> step(static_cast<std::size_t>(steps) + 1, 0.0);
    double total = 0;
    for (int k = 1; k <= steps; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const std::size_t masked = path.masked_at(k);
      if (expected) {
        step[at] = masked == 0
                       ? 0.0
                       : table.sum(masked) * (alphas[at - 1] - alphas[at]) / (1.0 - alphas[at]);
      } else {
        for (std::size_t i = 0; i < table.size; ++i)
          if (path.since[i] == k) step[at] += table.at(masked, i);
      }
      total += step[at];
    }
    totals.emplace_back(path.probability, total);
    int top = steps;
    for (int s = 0; s < segments; ++s) {  // sampling without replacement from each segment
      const int n = steps / segments + (s < steps % segments ? 1 : 0);
      double mean = 0, squares = 0;
      for (int j = 0; j < n; ++j) mean += step[static_cast<std::size_t>(top - j)] / n;
      for (int j = 0; j < n; ++j)
        squares += std::pow(step[static_cast<std::size_t>(top - j)] - mean, 2);
      if (n > 1)
        within += path.probability * n * n / per_segment * (1.0 - 1.0 * per_segment / n) * squares /
                  (n - 1);
      top -= n;
    }
  }
  Moments moments = moments_of(totals);
  moments.variance += within;
  return moments;
}

/// Moments of weight(t) sum_{i in M} log p over independent masks at time t.
inline Moments moments_at_time(const SubsetTable& table, const ScheduleFormula& schedule,
                               double t) {
  const double noised = 1.0 - schedule.alpha(t), weight = schedule.weight(t);
  std::vector<std::pair<double, double>> outcomes;
  for (std::size_t subset = 0; subset < table.subsets(); ++subset) {
    const int l = bits(subset);
    outcomes.emplace_back(
        std::pow(noised, l) * std::pow(1.0 - noised, static_cast<int>(table.size) - l),
        weight * table.sum(subset));
  }
  return moments_of(outcomes);
}

/// Moments with time j uniform in the j-th of `strata` equal parts of [eps, 1], `each` independent
/// copies of the whole (iid: strata = 1, each = n; stratified: strata = n, each = 1).
inline Moments strata_moments(const SubsetTable& table, const ScheduleFormula& schedule, double eps,
                              int strata, int each, int masks_per_time, int nodes = 2000) {
  Moments total;
  for (int j = 0; j < strata; ++j) {
    std::vector<std::pair<double, double>> means;
    double within = 0;
    for (int q = 0; q < nodes; ++q) {  // midpoint rule
      const Moments at =
          moments_at_time(table, schedule, eps + (1.0 - eps) * (j + (q + 0.5) / nodes) / strata);
      means.emplace_back(1.0 / nodes, at.mean);
      within += at.variance / nodes;
    }
    const Moments part = moments_of(means);
    total.mean += part.mean / strata;
    total.variance += (part.variance + within / masks_per_time) / (1.0 * strata * strata * each);
  }
  return total;
}

/// Moments of times (j + U) / n with one shared U.
inline Moments systematic_time_moments(const SubsetTable& table, const ScheduleFormula& schedule,
                                       double eps, int n, int masks_per_time, int nodes = 4000) {
  std::vector<std::pair<double, double>> means;
  double within = 0;
  for (int q = 0; q < nodes; ++q) {
    double mean = 0;
    for (int j = 0; j < n; ++j) {
      const Moments at =
          moments_at_time(table, schedule, eps + (1.0 - eps) * (j + (q + 0.5) / nodes) / n);
      mean += at.mean / n;
      within += at.variance / (1.0 * n * n * masks_per_time * nodes);
    }
    means.emplace_back(1.0 / nodes, mean);
  }
  Moments moments = moments_of(means);
  moments.variance += within;
  return moments;
}

/// Moments of n / 2 antithetic pairs: u < 1 - alpha(t) beside u >= alpha(1 + eps - t).
inline Moments antithetic_time_moments(const SubsetTable& table, const ScheduleFormula& schedule,
                                       double eps, int n, int masks_per_time, int nodes = 1000) {
  const auto size = static_cast<int>(table.size);
  std::vector<std::pair<double, double>> means;
  double within = 0;
  for (int q = 0; q < nodes; ++q) {
    const double t = eps + (1.0 - eps) * (q + 0.5) / nodes, other = 1.0 + eps - t;
    const double p = 1.0 - schedule.alpha(t), r = 1.0 - schedule.alpha(other);
    const double both = std::max(0.0, p + r - 1.0);
    std::vector<std::pair<double, double>> outcomes;
    for (std::size_t first = 0; first < table.subsets(); ++first)
      for (std::size_t second = 0; second < table.subsets(); ++second) {
        const int n_both = bits(first & second), n_first = bits(first & ~second),
                  n_second = bits(second & ~first), none = size - n_both - n_first - n_second;
        const double probability = std::pow(both, n_both) * std::pow(p - both, n_first) *
                                   std::pow(r - both, n_second) *
                                   std::pow(1.0 - p - r + both, none);
        outcomes.emplace_back(probability, 0.5 * (schedule.weight(t) * table.sum(first) +
                                                  schedule.weight(other) * table.sum(second)));
      }
    const Moments given = moments_of(outcomes);
    means.emplace_back(1.0 / nodes, given.mean);
    within += given.variance / nodes;
  }
  Moments moments = moments_of(means);
  moments.variance = (moments.variance + within / masks_per_time) * 2.0 / n;
  return moments;
}

}  // namespace lldm::testing
