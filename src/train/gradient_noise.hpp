// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
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
#include "track/read_backs.hpp"

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
  /// What `share` takes, still on the device, so that it is read with the step's other figures;
  /// nothing where it has no answer.
  [[nodiscard]] std::vector<at::Tensor> figures() const {
    if (count_ < 2) return {};
    return {(before_ * before_).sum(), squares_};
  }
  /// Variance of the step's gradient, estimated from its micro-batches, over its squared norm.
  [[nodiscard]] std::optional<double> share(const std::vector<double>& figures) const {
    if (figures.empty()) return std::nullopt;
    return share(figures[0], figures[1], static_cast<double>(count_));
  }
  /// The same of micro-batches that several processes did (`squares` and `count` are sums over
  /// them), when the gradient is that of the whole step.
  [[nodiscard]] std::vector<at::Tensor> figures_of_all(double count) const {
    if (count < 2 || !followed_.grad().defined()) return {};
    const at::Tensor whole = followed_.grad().to(at::kDouble);
    return {(whole * whole).sum()};
  }
  [[nodiscard]] static std::optional<double> share_of_all(const std::vector<double>& figures,
                                                          double squares, double count) {
    if (figures.empty()) return std::nullopt;
    return share(figures[0], squares, count);
  }
  /// All: the squares of micro-batches that are cut, whose pieces are added up over the processes.
  [[nodiscard]] double squares_of(const std::vector<std::size_t>& cut, ProcessGroup& group) const {
    std::vector<at::Tensor> wholes;
    group.agree_on_room([&] {
      for (const std::size_t micro_batch : cut) {
        const auto own = pieces_.find(micro_batch);
        wholes.push_back(own != pieces_.end() ? own->second.contiguous()
                                              : at::zeros(followed_.sizes(),
                                                          followed_.options().dtype(at::kDouble)));
      }
    });
    for (const at::Tensor& whole : wholes) group.sum(whole);
    double squares = 0;
    group.agree_on_room([&] {
      std::vector<at::Tensor> of_each;
      for (const at::Tensor& whole : wholes) of_each.push_back((whole * whole).sum());
      for (const double square : read_back(of_each)) squares += square;
    });
    return squares;
  }
  [[nodiscard]] double squares() const { return number(squares_); }
  /// Of the last micro-batch.
  [[nodiscard]] double last_square() const { return number(last_); }
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  static double number(const at::Tensor& scalar) {
    return scalar.defined() ? read_back(std::vector{scalar}).front() : 0;
  }
  static std::optional<double> share(double whole, double squares, double m) {
    if (whole == 0) return std::nullopt;
    return (squares - whole / m) * m / (m - 1) / whole;
  }
  at::Tensor followed_, held_, before_, squares_, last_;
  std::map<std::size_t, at::Tensor> pieces_;  // of micro-batches that are cut
  std::int64_t count_ = 0;
};

}  // namespace lldm
