// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/aot.hpp"

namespace lldm {

/// The sorted log-ratios of the chosen answers against the sorted log-ratios of the rejected ones
/// over the whole optimizer step, pairs torn apart:
///     -(1 - eps) log sigmoid(beta d) - eps log sigmoid(-beta d),  d = sort(u_c) - sort(u_r).
/// Source  Melnyk et al. 2024 (AOT, arXiv:2406.05882); TRL loss_type "aot_unpaired".
class AotUnpaired : public PairLoss<AotUnpaired, AotOptions> {
 public:
  explicit AotUnpaired(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "aot_unpaired"; }
  static constexpr std::string_view description() {
    return "sorted log-ratios of chosen answers above those of rejected ones";
  }
  /// The step's pairs are sorted together: gradient_path retain or replay.
  [[nodiscard]] static ScoreUse use() { return ScoreUse::coupled; }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<AotUnpaired> && Objective<AotUnpaired>);

}  // namespace lldm
