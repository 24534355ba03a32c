// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/forward_process.hpp"
#include "lldm/errors.hpp"

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
  virtual bool has_posterior() const = 0;
  virtual ReverseStep reverse_step(double alpha_s, double alpha_t, std::int64_t x_s,
                                   std::int64_t x_t, std::int64_t x_0) const = 0;
  virtual double prior_divergence(double alpha) const = 0;
  virtual std::int64_t block_size() const = 0;
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
  bool has_posterior() const override { return PosteriorProcess<P>; }
  ReverseStep reverse_step(double alpha_s, double alpha_t, std::int64_t x_s, std::int64_t x_t,
                           std::int64_t x_0) const override {
    if constexpr (PosteriorProcess<P>)
      return value_.reverse_step(alpha_s, alpha_t, x_s, x_t, x_0);
    else
      throw ShapeError("ForwardProcess::reverse_step: the process has no posterior");
  }
  double prior_divergence(double alpha) const override {
    if constexpr (PosteriorProcess<P>)
      return value_.prior_divergence(alpha);
    else
      throw ShapeError("ForwardProcess::prior_divergence: the process has no posterior");
  }
  std::int64_t block_size() const override {
    if constexpr (BlockProcess<P>)
      return value_.block_size();
    else
      return 0;
  }
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

  /// Whether the process is a PosteriorProcess: only then may the next two be asked (else
  /// ShapeError).
  [[nodiscard]] bool has_posterior() const { return self_->has_posterior(); }
  [[nodiscard]] ReverseStep reverse_step(double alpha_s, double alpha_t, std::int64_t x_s,
                                         std::int64_t x_t, std::int64_t x_0) const {
    return self_->reverse_step(alpha_s, alpha_t, x_s, x_t, x_0);
  }
  [[nodiscard]] double prior_divergence(double alpha) const {
    return self_->prior_divergence(alpha);
  }
  /// Tokens of a block of a BlockProcess; 0: the response is noised as a whole.
  [[nodiscard]] std::int64_t block_size() const { return self_->block_size(); }

 private:
  std::shared_ptr<const detail::ForwardProcessInterface> self_;
};
static_assert(ForwardProcess<AnyForwardProcess>);

}  // namespace lldm
