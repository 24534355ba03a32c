// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// -log sigmoid(beta (r_chosen - r_rejected)), r = policy minus reference score.
///
/// With normalize = "response_length" each r is divided by its own scored length first (TRL's
/// `sigmoid_norm`).  Exact at large margins (no overflow).
/// Source  Rafailov et al. 2023 (DPO), eq. (7); with likelihood bounds, VRPO (arXiv:2505.19223),
///         eq. (4).
class Dpo : public PairLoss<Dpo, MarginOptions> {
 public:
  explicit Dpo(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "dpo"; }
  static constexpr std::string_view description() {
    return "-log sigmoid(beta times the preference margin against the reference)";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Dpo> && Objective<Dpo>);

}  // namespace lldm
