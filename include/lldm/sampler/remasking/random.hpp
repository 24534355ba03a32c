// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/concepts/component.hpp"

namespace lldm {

/// Commits in uniformly random order: the reverse process of masked diffusion as it is trained.
/// Random  one uniform per candidate, in the order of their columns.
/// Source  Nie et al. 2025, arXiv:2502.09992, section 2.4.
class RandomOrder {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "random"; }
  static constexpr std::string_view description() { return "commits in uniformly random order"; }
  RandomOrder() = default;
  explicit RandomOrder(const Options&) {}

  [[nodiscard]] std::vector<double> confidence(std::span<const Candidate> candidates,
                                               Stream& draws) const;
  [[nodiscard]] CandidateStatistics statistics() const { return CandidateStatistics::none; }
};
static_assert(Component<RandomOrder> && CommitRule<RandomOrder>);

}  // namespace lldm
