// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/concepts/plan.hpp"

namespace lldm {

/// Scores and their parts as functions of the readouts: small float64 tensors with autograd.
struct CombinedScores {
  at::Tensor scores;  // [n] float64, nats
  at::Tensor parts;   // [n, N] float64 by copy, zero-padded; undefined for log_mean_exp
};

/// Combines readouts [sum of queries] float64, in plan order, into the scores of the plans.
/// ShapeError if the sizes differ or if the plans mix combinations.
CombinedScores combine(std::span<const ScorePlan> plans, const at::Tensor& readouts);

/// [num_replicates] what every replicate of a plan says of the score; their mean is the score.
/// Empty where the combination is no sum.
std::vector<double> replicate_scores(const ScorePlan& plan, std::span<const double> readouts);

/// Standard error of each score from its independent replicates; NaN where there are fewer than
/// two.
std::vector<double> standard_errors(std::span<const ScorePlan> plans,
                                    std::span<const double> readouts);

}  // namespace lldm
