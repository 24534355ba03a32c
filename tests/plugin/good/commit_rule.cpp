// SPDX-License-Identifier: MIT
#include <lldm/plugin/plugin.hpp>

/// Commits from left to right.
class LeftFirst {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "left_first"; }
  static constexpr std::string_view description() { return "the leftmost masked position first"; }
  explicit LeftFirst(const Options&) {}

  [[nodiscard]] std::vector<double> confidence(std::span<const lldm::Candidate> candidates,
                                               lldm::Stream&) const {
    std::vector<double> result;
    for (const auto& candidate : candidates)
      result.push_back(-static_cast<double>(candidate.position));
    return result;
  }
};

LLDM_PLUGIN("test_commit_rule", "0.1.0", registry) { registry.add<LeftFirst>(); }
