// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// Keys of `robust`.
struct RobustOptions {
  MarginOptions shared = {};
  double label_smoothing = 0.0;
  static constexpr auto describe() {
    return std::tuple{part(&RobustOptions::shared),
                      field("label_smoothing", &RobustOptions::label_smoothing,
                            "Share eps of pairs whose labels are swapped.")
                          .at_least(0.0)
                          .below(0.5)};
  }
};

/// DPO's loss corrected for labels that are wrong with probability eps:
///     [(1 - eps) (-log sigmoid(m)) - eps (-log sigmoid(-m))] / (1 - 2 eps),
/// m = beta (s_chosen - s_rejected).
/// Unbiased for the loss under clean labels; it can be negative.
/// Source  Chowdhury et al. 2024 (arXiv:2403.00409); TRL loss_type "robust".
class Robust : public PairLoss<Robust, RobustOptions> {
 public:
  explicit Robust(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "robust"; }
  static constexpr std::string_view description() {
    return "DPO corrected for a known share of wrong labels";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Robust> && Objective<Robust>);

}  // namespace lldm
