// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// -log sigmoid(r_c) - 1/2 log sigmoid(-r_c) - 1/2 log sigmoid(-r_r),  r = beta (policy -
/// reference): keeps the chosen answer's own likelihood from falling.
///
/// Source  Chen et al. 2024 (NCA, arXiv:2402.05369); TRL loss_type "nca_pair".
class NcaPair : public PairLoss<NcaPair, RatioOptions> {
 public:
  explicit NcaPair(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "nca_pair"; }
  static constexpr std::string_view description() {
    return "noise-contrastive alignment of a pair, each answer for itself";
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<NcaPair> && Objective<NcaPair>);

}  // namespace lldm
