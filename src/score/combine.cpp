// SPDX-License-Identifier: MIT
#include "lldm/score/combine.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/log.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

struct Flat {
  std::vector<double> weights, constants;
  std::vector<std::int64_t> place;  // of every query: where it is added
  std::int64_t width = 0;           // slots per plan
};

/// Weights and, per query, plan * width + (slot or group).
Flat flatten(std::span<const ScorePlan> plans, Combination combination) {
  Flat flat;
  const auto place_of = [&](const ScorePlan& plan, const Query& query) -> std::int64_t {
    if (combination == Combination::log_mean_exp) return query.group;
    return plan.slot.empty() ? query.copy : plan.slot[static_cast<std::size_t>(query.copy)];
  };
  for (const ScorePlan& plan : plans) {
    if (plan.combination != combination)
      throw ShapeError("combine: the plans of one batch mix combinations");
    flat.constants.push_back(plan.constant);
    // Evaluations asked for and dropped at the end count too: the width is the options', not the
    // draws'.
    if (combination == Combination::sum)
      flat.width = std::max<std::int64_t>(flat.width, plan.asked);
    for (const Query& query : plan.queries)
      flat.width = std::max(flat.width, place_of(plan, query) + 1);
  }
  flat.width = std::max<std::int64_t>(flat.width, 1);
  for (std::size_t p = 0; p < plans.size(); ++p)
    for (const Query& query : plans[p].queries) {
      flat.weights.push_back(query.weight);
      flat.place.push_back(static_cast<std::int64_t>(p) * flat.width + place_of(plans[p], query));
    }
  return flat;
}

at::Tensor sum_slots(const at::Tensor& values, const Flat& flat, std::size_t plans) {
  const auto n = static_cast<std::int64_t>(plans);
  return at::zeros({n * flat.width}, at::kDouble)
      .index_add(0, at::tensor(flat.place, at::kLong), values)
      .view({n, flat.width});
}

/// (1/s) sum over groups of log sum_q w_q exp(s r_q), shifted by each group's largest s r_q.
at::Tensor log_mean_exp(std::span<const ScorePlan> plans, const at::Tensor& readouts,
                        const Flat& flat) {
  const double sharpness = plans.front().sharpness;
  for (const ScorePlan& plan : plans)
    if (plan.sharpness != sharpness)
      throw ShapeError("combine: the plans of one batch mix sharpness values");
  const at::Tensor values = readouts.detach().contiguous();
  std::vector<double> peak(plans.size() * static_cast<std::size_t>(flat.width),
                           -std::numeric_limits<double>::infinity());
  for (std::size_t q = 0; q < flat.place.size(); ++q) {
    double& top = peak[static_cast<std::size_t>(flat.place[q])];
    top = std::max(top, sharpness * values.const_data_ptr<double>()[q]);
  }
  std::vector<double> shift;
  for (const std::int64_t slot : flat.place) shift.push_back(peak[static_cast<std::size_t>(slot)]);
  const at::Tensor scaled = at::exp(readouts * sharpness - at::tensor(shift, at::kDouble)) *
                            at::tensor(flat.weights, at::kDouble);
  // Empty groups add exactly nothing: log 1 and a shift of 0.
  std::vector<double> empty;
  for (double& top : peak) {
    empty.push_back(std::isinf(top) ? 1.0 : 0.0);
    if (std::isinf(top)) top = 0.0;
  }
  const auto shape = std::vector<std::int64_t>{static_cast<std::int64_t>(plans.size()), flat.width};
  const at::Tensor sums =
      sum_slots(scaled, flat, plans.size()) + at::tensor(empty, at::kDouble).view(shape);
  return ((at::log(sums) + at::tensor(peak, at::kDouble).view(shape)) / sharpness).sum(1);
}

}  // namespace

CombinedScores combine(std::span<const ScorePlan> plans, const at::Tensor& readouts) {
  if (plans.empty()) throw ShapeError("combine: no plans");
  const Flat flat = flatten(plans, plans.front().combination);
  if (readouts.dim() != 1 || readouts.size(0) != static_cast<std::int64_t>(flat.weights.size()))
    throw ShapeError(
        message("combine: readouts must be [", flat.weights.size(), "], got ", readouts.sizes()));
  const at::Tensor constants = at::tensor(flat.constants, at::kDouble);
  CombinedScores combined;
  if (plans.front().combination == Combination::log_mean_exp) {
    combined.scores = constants + log_mean_exp(plans, readouts, flat);
    return combined;
  }
  combined.parts = sum_slots(readouts * at::tensor(flat.weights, at::kDouble), flat, plans.size());
  combined.scores = constants + combined.parts.sum(1);
  return combined;
}

std::vector<double> replicate_scores(const ScorePlan& plan, std::span<const double> readouts) {
  if (plan.combination != Combination::sum) return {};
  const auto n = static_cast<std::size_t>(plan.num_replicates);
  // Without shares of its own every replicate carries the whole constant.
  std::vector<double> scores(n, plan.replicate_constants.empty() ? plan.constant : 0.0);
  for (std::size_t r = 0; r < plan.replicate_constants.size(); ++r)
    scores.at(r) = plan.replicate_constants[r] * static_cast<double>(n);
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    const auto copy = static_cast<std::size_t>(plan.queries[q].copy);
    scores[static_cast<std::size_t>(plan.replicate[copy])] +=
        plan.queries[q].weight * readouts[q] * static_cast<double>(n);
  }
  return scores;
}

std::vector<double> standard_errors(std::span<const ScorePlan> plans,
                                    std::span<const double> readouts) {
  std::vector<double> errors;
  std::size_t begin = 0;
  for (const ScorePlan& plan : plans) {
    const std::vector<double> scores =
        replicate_scores(plan, readouts.subspan(begin, plan.queries.size()));
    begin += plan.queries.size();
    const std::size_t n = scores.size();
    if (n < 2) {
      errors.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    double mean = 0, squares = 0;
    for (const double score : scores) mean += score / static_cast<double>(n);
    for (const double score : scores) squares += (score - mean) * (score - mean);
    errors.push_back(std::sqrt(squares / static_cast<double>(n * (n - 1))));
  }
  return errors;
}

}  // namespace lldm
