// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// 1 - sigmoid(r_c) + sigmoid(r_r),  r = beta (policy - reference): chosen answers up, rejected
/// ones down; for pairs whose chosen answer is better than what the model writes.
/// Source  D'Oosterlinck et al. 2024 (APO, arXiv:2408.06266); TRL loss_type "apo_zero".
class ApoZero : public PairLoss<ApoZero, RatioOptions> {
 public:
  explicit ApoZero(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "apo_zero"; }
  static constexpr std::string_view description() {
    return "chosen up and rejected down, each for itself";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<ApoZero> && Objective<ApoZero>);

}  // namespace lldm
