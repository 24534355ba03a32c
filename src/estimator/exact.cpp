// SPDX-License-Identifier: MIT
#include "lldm/estimator/exact.hpp"

#include <algorithm>
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
      case ExactTarget::eubo:
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
      case ExactTarget::block_elbo:  // by block, not by size
        break;
    }
  }
  return weights;
}

std::vector<std::int64_t> positions_of(std::uint64_t subset, std::int64_t scored) {
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < scored; ++i)
    if (subset >> i & 1) positions.push_back(i);
  return positions;
}

/// Every mask inside every block, what lies behind the block masked; in ascending order of subsets.
void append_blocks(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                   std::int64_t length, Stream& unused) {
  const std::int64_t scored = plan.num_scored;
  for (std::int64_t begin = (scored - 1) / length * length; begin >= 0; begin -= length) {
    const std::int64_t size = std::min(length, scored - begin);
    const std::uint64_t all = (std::uint64_t{1} << scored) - 1;
    const std::uint64_t behind = all & ~((std::uint64_t{1} << (begin + size)) - 1);
    for (std::uint64_t inside = 1; inside < std::uint64_t{1} << size; ++inside) {
      const std::int64_t l = std::popcount(inside);
      append_copy(plan, text, process, positions_of(inside << begin | behind, scored),
                  positions_of(inside << begin, scored),
                  1.0 / (static_cast<double>(l) * binomial(size, l)), 0, unused);
    }
  }
}

}  // namespace

void Exact::Options::check(config::OptionsCheck& check) const {
  const Options defaults;
  const auto tell = [&](const char* key, bool is_set, ExactTarget reader, const char* name) {
    if (is_set && target != reader)
      check.warning(key, message(key, " has no effect with this `target`"),
                    message("it is read by target = \"", name, "\""));
  };
  tell("time_min", time_min != defaults.time_min, ExactTarget::elbo_truncated, "elbo_truncated");
  tell("steps", steps != defaults.steps, ExactTarget::trajectory_elbo, "trajectory_elbo");
  tell("grid", grid != defaults.grid, ExactTarget::trajectory_elbo, "trajectory_elbo");
  tell("block_length", block_length != defaults.block_length, ExactTarget::block_elbo,
       "block_elbo");
  tell("sharpness", sharpness != defaults.sharpness, ExactTarget::eubo, "eubo");
}

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
  Stream unused = draws.stream(0);  // absorbing noise draws nothing
  if (options_.target == ExactTarget::block_elbo) {
    append_blocks(plan, text, process, options_.block_length, unused);
    return plan;
  }
  const std::vector<double> weights = weights_by_size(options_, process, plan.num_scored);
  for (std::uint64_t subset = 1; subset < std::uint64_t{1} << plan.num_scored; ++subset) {
    const double weight = weights[static_cast<std::size_t>(std::popcount(subset))];
    if (weight == 0.0) continue;  // a mask that no path passes through
    const std::vector<std::int64_t> masked = positions_of(subset, plan.num_scored);
    append_copy(plan, text, process, masked, masked, weight, 0, unused);
  }
  if (options_.target == ExactTarget::eubo) {
    plan.combination = Combination::log_mean_exp;
    plan.sharpness = options_.sharpness;
    for (Query& query : plan.queries)
      query.group = query.position - static_cast<std::int32_t>(plan.num_prompt);
  }
  return plan;
}

std::int64_t Exact::nominal_copies(std::int64_t scored) const {
  const std::int64_t most = std::min(scored, kMostScored);
  if (options_.target != ExactTarget::block_elbo) return (std::int64_t{1} << most) - 1;
  std::int64_t copies = 0;
  for (std::int64_t begin = 0; begin < most; begin += options_.block_length)
    copies += (std::int64_t{1} << std::min(options_.block_length, most - begin)) - 1;
  return copies;
}

Target Exact::target(std::int64_t) const {
  switch (options_.target) {
    case ExactTarget::elbo:
      return {"elbo", true};
    case ExactTarget::elbo_truncated:
      return {message("elbo_truncated(", options_.time_min, ")"), true};
    case ExactTarget::block_elbo:
      return {message("block_elbo(", options_.block_length, ")"), true};
    case ExactTarget::eubo:
      return {message("eubo(", options_.sharpness, ")"), true, Combination::log_mean_exp};
    case ExactTarget::trajectory_elbo:
      break;
  }
  return {message("trajectory_elbo(", options_.steps, ", ", to_string(options_.grid), ")"), true};
}

}  // namespace lldm
