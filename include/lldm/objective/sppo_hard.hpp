// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// (u_c - 1/(2 beta))^2 + (u_r + 1/(2 beta))^2,  u = policy - reference: self-play with hard
/// labels.
///
/// Source  Wu et al. 2024 (SPPO, arXiv:2405.00675); TRL loss_type "sppo_hard".
class SppoHard : public PairLoss<SppoHard, RatioOptions> {
 public:
  explicit SppoHard(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "sppo_hard"; }
  static constexpr std::string_view description() {
    return "squared distance of each log-ratio from +-1 / (2 beta)";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<SppoHard> && Objective<SppoHard>);

}  // namespace lldm
