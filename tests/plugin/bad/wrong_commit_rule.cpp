// SPDX-License-Identifier: MIT
// Commit rules that break a law each.
#include <cmath>
#include <memory>

#include <lldm/plugin/plugin.hpp>

namespace {

struct Common {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  explicit Common(const Options&) {}
};

struct OneTooFew : Common {
  static constexpr std::string_view name() { return "one_too_few"; }
  static constexpr std::string_view description() { return "forgets the last candidate"; }
  using Common::Common;
  [[nodiscard]] std::vector<double> confidence(std::span<const lldm::Candidate> candidates,
                                               lldm::Stream&) const {
    std::vector<double> result;
    for (std::size_t i = 1; i < candidates.size(); ++i) result.push_back(candidates[i].probability);
    return result;
  }
};

/// Reads a figure that it did not ask for.
struct ReadsUnasked : Common {
  static constexpr std::string_view name() { return "reads_unasked"; }
  static constexpr std::string_view description() { return "entropy, without asking for it"; }
  using Common::Common;
  [[nodiscard]] lldm::CandidateStatistics statistics() const {
    return lldm::CandidateStatistics::probability;
  }
  [[nodiscard]] std::vector<double> confidence(std::span<const lldm::Candidate> candidates,
                                               lldm::Stream&) const {
    std::vector<double> result;
    for (const auto& candidate : candidates) result.push_back(-candidate.entropy);
    return result;
  }
};

struct Remembers : Common {
  static constexpr std::string_view name() { return "remembers"; }
  static constexpr std::string_view description() { return "counts its calls"; }
  using Common::Common;
  [[nodiscard]] std::vector<double> confidence(std::span<const lldm::Candidate> candidates,
                                               lldm::Stream&) const {
    return std::vector<double>(candidates.size(), static_cast<double>(++*calls_));
  }
  std::shared_ptr<int> calls_ = std::make_shared<int>(0);
};

}  // namespace

LLDM_PLUGIN("wrong_commit_rule", "0.1.0", registry) {
  registry.add<OneTooFew>().add<ReadsUnasked>().add<Remembers>();
}
