// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include "lldm/concepts/commit_rule.hpp"

namespace lldm {

/// What a rule reads of its candidates: everything, where it does not say less.
template <CommitRule C>
CandidateStatistics statistics_of(const C& rule) {
  if constexpr (SparseCommitRule<C>)
    return rule.statistics();
  else
    return CandidateStatistics::all;
}

/// Any CommitRule behind one type (the border "order" of a sampler; role "remasking").
class AnyCommitRule {
 public:
  template <CommitRule C>
    requires(!std::same_as<C, AnyCommitRule>)
  explicit AnyCommitRule(C rule) : self_(std::make_shared<const Model<C>>(std::move(rule))) {}

  [[nodiscard]] std::vector<double> confidence(std::span<const Candidate> candidates,
                                               Stream& draws) const {
    return self_->confidence(candidates, draws);
  }
  [[nodiscard]] CandidateStatistics statistics() const { return self_->statistics(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::vector<double> confidence(std::span<const Candidate>, Stream&) const = 0;
    virtual CandidateStatistics statistics() const = 0;
  };
  template <class C>
  struct Model final : Interface {
    explicit Model(C value) : value_(std::move(value)) {}
    std::vector<double> confidence(std::span<const Candidate> candidates,
                                   Stream& draws) const override {
      return value_.confidence(candidates, draws);
    }
    CandidateStatistics statistics() const override { return statistics_of(value_); }
    C value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(CommitRule<AnyCommitRule>);

}  // namespace lldm
