// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "lldm/concepts/score_estimator.hpp"

namespace lldm {

/// Any ScoreEstimator behind one type.
class AnyScoreEstimator {
 public:
  template <ScoreEstimator E>
    requires(!std::is_same_v<E, AnyScoreEstimator>)
  explicit(false) AnyScoreEstimator(E estimator)
      : self_(std::make_shared<const Model<E>>(std::move(estimator))) {}

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    ScorePlan plan = self_->plan(text, process, draws);
    if (origin_) plan.origin = origin_;
    return plan;
  }
  /// What plans say of who made them; the registry sets it.
  void set_origin(PlanOrigin origin) {
    origin_ = std::make_shared<const PlanOrigin>(std::move(origin));
  }
  [[nodiscard]] Target target(std::int64_t scored) const { return self_->target(scored); }
  /// The target for the process in use, of a ProcessTargetEstimator; else as above.
  [[nodiscard]] Target target(std::int64_t scored, const AnyForwardProcess& process) const {
    return self_->target(scored, process);
  }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return self_->nominal_copies(scored);
  }
  [[nodiscard]] bool reads_schedule() const { return self_->reads_schedule(); }
  /// The rule of an AdaptiveEstimator; nothing for one of fixed cost.
  [[nodiscard]] std::optional<Adaptation> adaptation() const { return self_->adaptation(); }
  /// The estimator at so many evaluations; one of fixed cost is itself.
  [[nodiscard]] AnyScoreEstimator at(std::int64_t evaluations) const {
    if (!adaptation()) return *this;
    AnyScoreEstimator other = self_->at(evaluations);
    other.origin_ = origin_;
    return other;
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual ScorePlan plan(const Text&, const AnyForwardProcess&, const TextDraws&) const = 0;
    virtual Target target(std::int64_t) const = 0;
    virtual Target target(std::int64_t, const AnyForwardProcess&) const = 0;
    virtual std::int64_t nominal_copies(std::int64_t) const = 0;
    virtual bool reads_schedule() const = 0;
    virtual std::optional<Adaptation> adaptation() const = 0;
    virtual AnyScoreEstimator at(std::int64_t) const = 0;
  };
  template <class E>
  struct Model final : Interface {
    explicit Model(E value) : value_(std::move(value)) {}
    ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                   const TextDraws& draws) const override {
      return value_.plan(text, process, draws);
    }
    Target target(std::int64_t scored) const override { return value_.target(scored); }
    Target target(std::int64_t scored, const AnyForwardProcess& process) const override {
      if constexpr (ProcessTargetEstimator<E>)
        return value_.target(scored, process);
      else
        return value_.target(scored);
    }
    std::int64_t nominal_copies(std::int64_t scored) const override {
      return value_.nominal_copies(scored);
    }
    bool reads_schedule() const override { return value_.reads_schedule(); }
    std::optional<Adaptation> adaptation() const override {
      if constexpr (AdaptiveEstimator<E>)
        return value_.adaptation();
      else
        return std::nullopt;
    }
    AnyScoreEstimator at(std::int64_t evaluations) const override {
      if constexpr (AdaptiveEstimator<E>)
        return AnyScoreEstimator(value_.at(evaluations));
      else
        return AnyScoreEstimator(value_);
    }
    E value_;
  };
  std::shared_ptr<const Interface> self_;
  std::shared_ptr<const PlanOrigin> origin_;
};
static_assert(ScoreEstimator<AnyScoreEstimator>);

}  // namespace lldm
