// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// ((r_chosen - r_rejected) - 1 / (2 beta))^2, r = policy minus reference score.
///
/// The paper's form by default; TRL's, which divides each r by its own length, with
/// normalize = "response_length".
/// Source  Azar et al. 2023 (IPO), arXiv:2310.12036, eq. (17).
class Ipo : public PairLoss<Ipo, MarginOptions> {
 public:
  explicit Ipo(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "ipo"; }
  static constexpr std::string_view description() {
    return "squared distance of the preference margin from 1 / (2 beta)";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Ipo> && Objective<Ipo>);

}  // namespace lldm
