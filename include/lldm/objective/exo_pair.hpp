// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// Keys of `exo_pair`.
struct ExoPairOptions {
  MarginOptions shared = {};
  double label_smoothing = 0.1;
  static constexpr auto describe() {
    return std::tuple{part(&ExoPairOptions::shared),
                      field("label_smoothing", &ExoPairOptions::label_smoothing,
                            "Smoothing eps of the label, above 0.")
                          .between(0.0, 1.0)};
  }
};

/// Reverse KL between the smoothed label and the model's preference, both over the pair:
///     q_w (log q_w - log(1 - eps)) + q_l (log q_l - log eps),
/// q_w = sigmoid(m), q_l = sigmoid(-m), m = beta (s_chosen - s_rejected).  At eps = 0 it would be
/// infinite.
/// Source  Ji et al. 2024 (EXO, arXiv:2402.00856), eq. (16); TRL loss_type "exo_pair".
class ExoPair : public PairLoss<ExoPair, ExoPairOptions> {
 public:
  explicit ExoPair(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "exo_pair"; }
  static constexpr std::string_view description() {
    return "reverse KL between the smoothed label and the model over a pair";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<ExoPair> && Objective<ExoPair>);

}  // namespace lldm
