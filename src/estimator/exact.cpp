// SPDX-License-Identifier: MIT
#include "lldm/estimator/exact.hpp"

#include <bit>
#include <cmath>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/estimator/quadrature_rule.hpp"

namespace lldm {
namespace {

/// (1 - a)^(l - 1) a^(R - l): the chance of one mask of l positions, over that of one of them.
double mask_chance(double a, std::int64_t l, std::int64_t scored) {
  return std::pow(1.0 - a, static_cast<double>(l - 1)) *
         std::pow(a, static_cast<double>(scored - l));
}

double binomial(std::int64_t n, std::int64_t k) {
  double value = 1;
  for (std::int64_t i = 1; i <= k; ++i)
    value = value * static_cast<double>(n - k + i) / static_cast<double>(i);
  return value;
}

/// The integral of mask_chance from `low` to `high`: a polynomial of degree R - 1 < 2 * 6.
double integrated_chance(double low, double high, std::int64_t l, std::int64_t scored) {
  static const QuadratureRule rule = gauss_legendre((Exact::kMostScored + 1) / 2);
  double sum = 0;
  for (std::size_t k = 0; k < rule.nodes.size(); ++k)
    sum += rule.weights[k] * mask_chance(low + (high - low) * rule.nodes[k], l, scored);
  return sum * (high - low);
}

double path_chance(const std::vector<double>& alphas, std::int64_t l, std::int64_t scored) {
  double sum = 0;
  for (std::size_t k = 1; k < alphas.size(); ++k)
    sum += mask_chance(alphas[k], l, scored) * (alphas[k - 1] - alphas[k]);
  return sum;
}

/// [R + 1] the weight of a query by the size of its subset.
std::vector<double> weights_by_size(const Exact::Options& options, const AnyForwardProcess& process,
                                    std::int64_t scored) {
  const std::vector<double> alphas = options.target == ExactTarget::trajectory_elbo
                                         ? trajectory_alphas(process, options.steps, options.grid)
                                         : std::vector<double>();
  std::vector<double> weights = {0.0};
  for (std::int64_t l = 1; l <= scored; ++l) {
    switch (options.target) {
      case ExactTarget::elbo:
        weights.push_back(1.0 / (static_cast<double>(l) * binomial(scored, l)));
        break;
      case ExactTarget::elbo_truncated:
        weights.push_back(
            integrated_chance(process.alpha(1.0), process.alpha(options.time_min), l, scored) /
            (1.0 - options.time_min));
        break;
      case ExactTarget::trajectory_elbo:
        weights.push_back(path_chance(alphas, l, scored));
        break;
    }
  }
  return weights;
}

}  // namespace

Exact::Exact(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] exact");
}

ScorePlan Exact::plan(const Text& text, const AnyForwardProcess& process,
                      const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  if (plan.num_scored > kMostScored)
    throw DataError(message("score estimator \"exact\": the text has ", plan.num_scored,
                            " scored tokens, at most ", kMostScored,
                            " can be enumerated\n  it would take 2^", plan.num_scored,
                            " - 1 forward passes; use another estimator or shorter answers"));
  plan.nominal_copies = nominal_copies(plan.num_scored);
  const std::vector<double> weights = weights_by_size(options_, process, plan.num_scored);
  Stream unused = draws.stream(0);  // absorbing noise draws nothing
  for (std::uint64_t subset = 1; subset < std::uint64_t{1} << plan.num_scored; ++subset) {
    const double weight = weights[static_cast<std::size_t>(std::popcount(subset))];
    if (weight == 0.0) continue;  // a mask that no path passes through
    std::vector<std::int64_t> masked;
    for (std::int64_t i = 0; i < plan.num_scored; ++i)
      if (subset >> i & 1) masked.push_back(i);
    append_copy(plan, text, process, masked, masked, weight, 0, unused);
  }
  return plan;
}

Target Exact::target(std::int64_t) const {
  switch (options_.target) {
    case ExactTarget::elbo:
      return {"elbo", true};
    case ExactTarget::elbo_truncated:
      return {message("elbo_truncated(", options_.time_min, ")"), true};
    case ExactTarget::trajectory_elbo:
      break;
  }
  return {message("trajectory_elbo(", options_.steps, ", ", to_string(options_.grid), ")"), true};
}

}  // namespace lldm
