// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
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
  void after_micro_batch() {
    const at::Tensor& gradient = followed_.grad();
    if (!gradient.defined()) return;
    const at::Tensor now = gradient.to(at::kDouble);
    const at::Tensor part = before_.defined() ? now - before_ : now;
    const at::Tensor square = (part * part).sum();  // read at the end: no wait a micro-batch
    squares_ = squares_.defined() ? squares_ + square : square;
    before_ = now.clone();
    ++count_;
  }
  /// Variance of the step's gradient, estimated from its micro-batches, over its squared norm.
  [[nodiscard]] std::optional<double> share() const {
    if (count_ < 2) return std::nullopt;
    const double whole = (before_ * before_).sum().item<double>();
    if (whole == 0) return std::nullopt;
    const auto m = static_cast<double>(count_);
    return (squares_.item<double>() - whole / m) * m / (m - 1) / whole;
  }

 private:
  at::Tensor followed_, before_, squares_;
  std::int64_t count_ = 0;
};

}  // namespace lldm
