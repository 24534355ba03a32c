// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/noise_schedule.hpp"

namespace lldm {

/// Any NoiseSchedule behind one type.
class AnyNoiseSchedule {
 public:
  template <NoiseSchedule S>
    requires(!std::is_same_v<S, AnyNoiseSchedule>)
  explicit(false) AnyNoiseSchedule(S schedule)
      : self_(std::make_shared<const Model<S>>(std::move(schedule))) {}

  [[nodiscard]] double alpha(double t) const { return self_->alpha(t); }
  [[nodiscard]] double alpha_derivative(double t) const { return self_->alpha_derivative(t); }
  [[nodiscard]] double inverse_alpha(double a) const { return self_->inverse_alpha(a); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual double alpha(double t) const = 0;
    virtual double alpha_derivative(double t) const = 0;
    virtual double inverse_alpha(double a) const = 0;
  };
  template <class S>
  struct Model final : Interface {
    explicit Model(S value) : value_(std::move(value)) {}
    double alpha(double t) const override { return value_.alpha(t); }
    double alpha_derivative(double t) const override { return value_.alpha_derivative(t); }
    double inverse_alpha(double a) const override { return value_.inverse_alpha(a); }
    S value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(NoiseSchedule<AnyNoiseSchedule>);

}  // namespace lldm
