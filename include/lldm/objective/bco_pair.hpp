// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lldm/objective/pair_loss.hpp"

namespace lldm {

/// What BCO subtracts from every reward.
enum class BcoBaseline : std::uint8_t {
  none,       // nothing, as TRL's DPO trainer
  step_mean,  // the mean reward of all answers of the optimizer step
};
constexpr auto choices(std::type_identity<BcoBaseline>) {
  return std::array{Choice<BcoBaseline>{"none", BcoBaseline::none},
                    Choice<BcoBaseline>{"step_mean", BcoBaseline::step_mean}};
}

/// Keys of `bco_pair`.
struct BcoPairOptions {
  RatioOptions shared = {};
  BcoBaseline baseline = BcoBaseline::none;
  static constexpr auto describe() {
    return std::tuple{part(&BcoPairOptions::shared),
                      field("baseline", &BcoPairOptions::baseline,
                            "none, or step_mean: the mean reward of the optimizer step is "
                            "subtracted.")};
  }
};

/// -log sigmoid(r_c - d) - log sigmoid(d - r_r),  r = beta (policy - reference): a classifier of
/// single answers.
///
/// baseline = none: d = 0, as TRL's DPO trainer has it.  baseline = step_mean: d is the mean reward
/// of the chosen and the rejected answers of the whole optimizer step, without gradient (BCO's
/// reward shift, whose running mean this replaces); it couples the pairs of the step: gradient_path
/// retain or replay.
/// Source  Jung et al. 2024 (BCO, arXiv:2404.04656); TRL loss_type "bco_pair".
class BcoPair : public PairLoss<BcoPair, BcoPairOptions> {
 public:
  explicit BcoPair(const Options& options) : PairLoss(options) {}
  static constexpr std::string_view name() { return "bco_pair"; }
  static constexpr std::string_view description() {
    return "a classifier of each answer against the reference";
  }
  [[nodiscard]] ScoreUse use() const {
    return options().baseline == BcoBaseline::none ? ScoreUse::each : ScoreUse::coupled;
  }
  [[nodiscard]] at::Tensor losses(const ScoreSet& scores) const;
};
static_assert(Component<BcoPair> && Objective<BcoPair>);

}  // namespace lldm
