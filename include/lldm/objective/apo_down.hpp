// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// sigmoid(r_c) + 1 - sigmoid(r_c - r_r),  r = beta (policy - reference): both down, the rejected
/// one further; for pairs whose chosen answer is worse than what the model writes.
/// Source  D'Oosterlinck et al. 2024 (APO, arXiv:2408.06266); TRL loss_type "apo_down".
class ApoDown : public PairLoss<ApoDown, RatioOptions> {
 public:
  explicit ApoDown(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "apo_down"; }
  static constexpr std::string_view description() {
    return "both answers down, the rejected one further";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<ApoDown> && Objective<ApoDown>);

}  // namespace lldm
