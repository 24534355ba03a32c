// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "lldm/distributed/process_group.hpp"

namespace lldm {

/// The gradient of one tensor, micro-batch by micro-batch: how much they disagree.
class GradientNoise {
 public:
  explicit GradientNoise(const std::vector<NamedParameter>& parameters)
      : followed_(followed_parameter(parameters).value) {}
  /// Remembers the gradient as it is for the next `after_micro_batch`: from here on it is being
  /// summed over the processes.
  void hold() {
    if (const at::Tensor& gradient = followed_.grad(); gradient.defined())
      held_ = gradient.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  }
  /// `is_alone`: the gradient is that of the last micro-batch, and not of all so far.  `piece_of`:
  /// it was not the whole of this one, other processes do the rest.
  void after_micro_batch(bool is_alone = false, std::optional<std::size_t> piece_of = {}) {
    const at::Tensor& gradient = followed_.grad();
    if (!gradient.defined()) return;
    const at::Tensor now = held_.defined() ? std::exchange(held_, {}) : gradient.to(at::kDouble);
    const at::Tensor part = before_.defined() && !is_alone ? now - before_ : now;
    if (piece_of) {
      pieces_[*piece_of] = before_.defined() ? part : part.clone();
      before_ = now.clone();
      return;
    }
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
  /// All: the squares of micro-batches that are cut, whose pieces are added up over the processes.
  [[nodiscard]] double squares_of(const std::vector<std::size_t>& cut, ProcessGroup& group) const {
    double squares = 0;
    for (const std::size_t micro_batch : cut) {
      const auto own = pieces_.find(micro_batch);
      const at::Tensor whole =
          own != pieces_.end()
              ? own->second.contiguous()
              : at::zeros(followed_.sizes(), followed_.options().dtype(at::kDouble));
      group.sum(whole);
      squares += (whole * whole).sum().item<double>();
    }
    return squares;
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
  at::Tensor followed_, held_, before_, squares_, last_;
  std::map<std::size_t, at::Tensor> pieces_;  // of micro-batches that are cut
  std::int64_t count_ = 0;
};

}  // namespace lldm
