// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "lldm/concepts/score_set.hpp"

namespace lldm {

/// Margins of pairs by evaluation.
struct EvaluationMargins {
  at::Tensor margins;  // [B, N] float64, N_b d_bk: of the scale of the score's margin
  at::Tensor weights;  // [B, N] float64, 1 / N_b for k < N_b, else 0
};

/// Of policy minus reference parts, chosen minus rejected.  ShapeError naming `objective` without
/// parts, without a reference, or if the two answers asked for different numbers of evaluations.
EvaluationMargins evaluation_margins(const ScoreSet& scores, std::string_view objective);

/// (1 / N_b) -log sigmoid(beta margin_bk) for k < N_b, else 0, [B, N] float64.
at::Tensor mean_log_sigmoid_losses(const EvaluationMargins& of, double beta);

}  // namespace lldm
