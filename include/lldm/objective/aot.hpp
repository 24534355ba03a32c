// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// Keys of `aot` and `aot_unpaired`.
struct AotOptions {
  RatioOptions shared = {};
  double label_smoothing = 0.0;
  static constexpr auto describe() {
    return std::tuple{
        part(&AotOptions::shared),
        field("label_smoothing", &AotOptions::label_smoothing, "Smoothing eps of the label.")
            .range(0.0, 1.0)};
  }
};

/// Distributional preference: the sorted margins of the policy against the sorted margins of the
/// reference over the whole optimizer step,
///     -(1 - eps) log sigmoid(beta d) - eps log sigmoid(-beta d),
/// d = sort(policy chosen - rejected) - sort(reference chosen - rejected).
/// Source  Melnyk et al. 2024 (AOT, arXiv:2406.05882); TRL loss_type "aot".
class Aot : public PairLoss<Aot, AotOptions> {
 public:
  explicit Aot(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "aot"; }
  static constexpr std::string_view description() {
    return "sorted margins of the policy above those of the reference";
  }
  /// The step's pairs are sorted together: gradient_path retain or replay.
  [[nodiscard]] static ScoreUse use() { return ScoreUse::coupled; }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<Aot> && Objective<Aot>);

}  // namespace lldm
