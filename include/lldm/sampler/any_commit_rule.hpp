// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/commit_rule.hpp"

namespace lldm {

/// Any CommitRule behind one type.
class AnyCommitRule {
 public:
  template <CommitRule C>
    requires(!std::is_same_v<C, AnyCommitRule>)
  explicit(false) AnyCommitRule(C rule)
      : self_(std::make_shared<const Model<C>>(std::move(rule))) {}

  [[nodiscard]] std::vector<double> confidence(std::span<const Candidate> candidates,
                                               Stream& draws) const {
    return self_->confidence(candidates, draws);
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::vector<double> confidence(std::span<const Candidate>, Stream&) const = 0;
  };
  template <class C>
  struct Model final : Interface {
    explicit Model(C value) : value_(std::move(value)) {}
    std::vector<double> confidence(std::span<const Candidate> candidates,
                                   Stream& draws) const override {
      return value_.confidence(candidates, draws);
    }
    C value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(CommitRule<AnyCommitRule>);

}  // namespace lldm
