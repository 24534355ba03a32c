// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/concepts/component.hpp"

namespace lldm {

/// Commits where the model is surest: confidence = probability of the chosen token.  What stays
/// masked is what has low confidence, hence LLaDA's name.
///
/// Source  Nie et al. 2025, arXiv:2502.09992, section 2.4; MaskGIT (Chang et al. 2022).
class LowConfidence {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "low_confidence"; }
  static constexpr std::string_view description() {
    return "commits the tokens with the highest probability first";
  }
  LowConfidence() = default;
  explicit LowConfidence(const Options&) {}

  [[nodiscard]] std::vector<double> confidence(std::span<const Candidate> candidates,
                                               Stream& draws) const;
  [[nodiscard]] CandidateStatistics statistics() const { return CandidateStatistics::probability; }
};
static_assert(Component<LowConfidence> && CommitRule<LowConfidence>);

}  // namespace lldm
