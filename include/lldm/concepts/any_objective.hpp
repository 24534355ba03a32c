// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/objective.hpp"

namespace lldm {

/// Any Objective behind one type.
class AnyObjective {
 public:
  template <Objective O>
    requires(!std::is_same_v<O, AnyObjective>)
  explicit(false) AnyObjective(O objective)
      : self_(std::make_shared<const Model<O>>(std::move(objective))) {}

  [[nodiscard]] ObjectiveNeeds needs() const { return self_->needs(); }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    return self_->evaluate(scores);
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual ObjectiveNeeds needs() const = 0;
    virtual ObjectiveResult evaluate(const ScoreSet&) const = 0;
  };
  template <class O>
  struct Model final : Interface {
    explicit Model(O value) : value_(std::move(value)) {}
    ObjectiveNeeds needs() const override { return value_.needs(); }
    ObjectiveResult evaluate(const ScoreSet& scores) const override {
      return value_.evaluate(scores);
    }
    O value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(Objective<AnyObjective>);

}  // namespace lldm
