// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/forward_process.hpp"

namespace lldm {

namespace detail {

/// What a ForwardProcess can do, without its type.
struct ForwardProcessInterface {
  virtual ~ForwardProcessInterface() = default;
  virtual double alpha(double t) const = 0;
  virtual double inverse_alpha(double a) const = 0;
  virtual double elbo_weight(double t) const = 0;
  virtual double reveal_probability(double s, double t) const = 0;
  virtual void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
                     Stream& draws) const = 0;
  virtual bool is_absorbing() const = 0;
  virtual Readout readout() const = 0;
};

template <class P>
struct ForwardProcessModel final : ForwardProcessInterface {
  explicit ForwardProcessModel(P value) : value_(std::forward<P>(value)) {}
  double alpha(double t) const override { return value_.alpha(t); }
  double inverse_alpha(double a) const override { return value_.inverse_alpha(a); }
  double elbo_weight(double t) const override { return value_.elbo_weight(t); }
  double reveal_probability(double s, double t) const override {
    return value_.reveal_probability(s, t);
  }
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             Stream& draws) const override {
    value_.noise(tokens, positions, draws);
  }
  bool is_absorbing() const override { return value_.is_absorbing(); }
  Readout readout() const override { return value_.readout(); }
  P value_;
};

}  // namespace detail

/// Any ForwardProcess behind one type.
class AnyForwardProcess {
 public:
  template <ForwardProcess P>
    requires(!std::is_same_v<P, AnyForwardProcess>)
  explicit(false) AnyForwardProcess(P process)
      : self_(std::make_shared<const detail::ForwardProcessModel<P>>(std::move(process))) {}

  [[nodiscard]] double alpha(double t) const { return self_->alpha(t); }
  [[nodiscard]] double inverse_alpha(double a) const { return self_->inverse_alpha(a); }
  [[nodiscard]] double elbo_weight(double t) const { return self_->elbo_weight(t); }
  [[nodiscard]] double reveal_probability(double s, double t) const {
    return self_->reveal_probability(s, t);
  }
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             Stream& draws) const {
    self_->noise(tokens, positions, draws);
  }
  [[nodiscard]] bool is_absorbing() const { return self_->is_absorbing(); }
  [[nodiscard]] Readout readout() const { return self_->readout(); }

 private:
  std::shared_ptr<const detail::ForwardProcessInterface> self_;
};
static_assert(ForwardProcess<AnyForwardProcess>);

}  // namespace lldm
