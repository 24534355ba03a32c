// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// max(0, 1 - beta (s_chosen - s_rejected)), s the divergence score of policy minus reference.
/// No gradient from a pair whose margin is beyond 1 / beta.
/// Source  Zhao et al. 2023 (SLiC, arXiv:2305.10425); TRL loss_type "hinge".
class Hinge : public PairLoss<Hinge, MarginOptions> {
 public:
  explicit Hinge(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "hinge"; }
  static constexpr std::string_view description() {
    return "a hinge on beta times the preference margin";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Hinge> && Objective<Hinge>);

}  // namespace lldm
