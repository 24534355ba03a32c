// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"

namespace lldm {

/// The gradient of one tensor, micro-batch by micro-batch: how much they disagree.
class GradientNoise {
 public:
  explicit GradientNoise(const std::vector<NamedParameter>& parameters)
      : followed_(followed_parameter(parameters).value) {}
  /// `is_alone`: the gradient is that of the last micro-batch, and not of all so far.
  void after_micro_batch(bool is_alone = false) {
    const at::Tensor& gradient = followed_.grad();
    if (!gradient.defined()) return;
    const at::Tensor now = gradient.to(at::kDouble);
    const at::Tensor part = before_.defined() && !is_alone ? now - before_ : now;
    const at::Tensor square = (part * part).sum();  // read at the end: no wait a micro-batch
    squares_ = squares_.defined() ? squares_ + square : square;
    last_ = square;
    before_ = now.clone();
    ++count_;
  }
  /// Variance of the step's gradient, estimated from its micro-batches, over its squared norm.
  [[nodiscard]] std::optional<double> share() const {
    if (count_ < 2) return std::nullopt;
    const at::Tensor both =  // one wait a step
        at::stack({(before_ * before_).sum(), squares_}).to(at::Device(at::kCPU));
    const double* values = both.const_data_ptr<double>();
    return share(values[0], values[1], static_cast<double>(count_));
  }
  /// The same of micro-batches that several processes did (`squares` and `count` are sums over
  /// them), when the gradient is that of the whole step.
  [[nodiscard]] std::optional<double> share_of_all(double squares, double count) const {
    if (count < 2 || !followed_.grad().defined()) return std::nullopt;
    const at::Tensor whole = followed_.grad().to(at::kDouble);
    return share((whole * whole).sum().item<double>(), squares, count);
  }
  [[nodiscard]] double squares() const { return squares_.defined() ? squares_.item<double>() : 0; }
  /// Of the last micro-batch.
  [[nodiscard]] double last_square() const { return last_.defined() ? last_.item<double>() : 0; }
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  static std::optional<double> share(double whole, double squares, double m) {
    if (whole == 0) return std::nullopt;
    return (squares - whole / m) * m / (m - 1) / whole;
  }
  at::Tensor followed_, before_, squares_, last_;
  std::int64_t count_ = 0;
};

}  // namespace lldm
