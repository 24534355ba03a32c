// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// DPO with the expectation over time outside the sigmoid:
///     (1/N) sum_k -log sigmoid(beta N d_k),
/// d_k = the k-th evaluation's part of policy minus reference score, chosen minus rejected.
///
/// N is the number of evaluations that the estimator asks for, those without queries included, so
/// that N d_k has the scale of the margin sum_k d_k that `dpo` reads.  -log sigmoid is convex: the
/// loss is never below dpo's on the same draws, and equal at N = 1.
/// With `full_trajectory` evaluation k is the k-th reverse step of both answers and the loss is
/// Wallace's sum over the T steps of one path.  With other estimators it is the same bound over
/// their evaluations (draws, nodes, segments), which meet the two answers at different times unless
/// the estimator fixes them.  `d2_dpo` is the continuous-time form: one drawn time for both.
/// Both answers need the same number of evaluations (not so any_order or left_to_right on answers
/// of different lengths), and the combination must be a sum (not eubo's). gradient_path retain or
/// replay: dLoss/dS differs from evaluation to evaluation.
///
/// Errors  ShapeError naming the reason where the set has no parts or unequal numbers of them.
/// Source  Wallace et al. 2024 (Diffusion-DPO, arXiv:2311.12908), eq. (14).
class StepwiseDpo : public PairLoss<StepwiseDpo, BetaOptions> {
 public:
  explicit StepwiseDpo(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "stepwise_dpo"; }
  static constexpr std::string_view description() {
    return "DPO step by step: the mean over evaluations outside the sigmoid; an upper bound of dpo";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<StepwiseDpo> && Objective<StepwiseDpo>);

}  // namespace lldm
