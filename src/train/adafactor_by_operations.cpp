// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "train/adafactor_update.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {
namespace {

/// Numbers whose float32 copies are held at once.
constexpr std::int64_t kPartNumbers = std::int64_t{1} << 20;

/// Rows that are looked at together: their numbers are whole groups of random bits.
std::int64_t rows_at_once(std::int64_t columns) {
  const std::int64_t rows = std::max<std::int64_t>(1, kPartNumbers / columns);
  return (rows + kRandomGroup - 1) / kRandomGroup * kRandomGroup;
}

class Update {
 public:
  Update(const AdafactorStep& step, const at::Tensor& value, const at::Tensor& gradient,
         const AdafactorMoments& moments)
      : step_(step),
        value_(value),
        gradient_(gradient),
        moments_(moments),
        is_matrix_(moments.row.defined()),
        rows_(is_matrix_ ? value.size(0) : 1),
        at_once_(is_matrix_ ? rows_at_once(value.size(1)) : 1) {}

  /// Row and column means of the squares are moved on.
  void count_squares() const {
    if (!is_matrix_) return move_on(moments_.second, squares(gradient_));
    at::Tensor column = at::zeros({gradient_.size(1)}, gradient_.options().dtype(at::kDouble));
    for (std::int64_t begin = 0; begin < rows_; begin += at_once_) {
      const std::int64_t count = std::min(at_once_, rows_ - begin);
      const at::Tensor part = squares(gradient_.narrow(0, begin, count));
      move_on(moments_.row.narrow(0, begin, count), part.mean(1, false, at::kDouble));
      column.add_(part.sum({0}, false, at::kDouble));
    }
    move_on(moments_.column, column.div_(static_cast<double>(rows_)));
  }

  void update() const {
    const auto numbers = static_cast<double>(value_.numel());
    const auto double_zero = [&] { return at::zeros({}, value_.options().dtype(at::kDouble)); };
    at::Tensor squares = double_zero(), scale = double_zero();
    for (std::int64_t begin = 0; begin < rows_; begin += at_once_) {
      const std::int64_t count = std::min(at_once_, rows_ - begin);
      squares.add_(direction(begin, count).square().sum(at::kDouble));
      if (step_.is_relative)
        scale.add_(part_of(value_, begin, count).to(at::kFloat).square().sum(at::kDouble));
    }
    // They stay on the device: nothing is read back.
    const at::Tensor root_mean = squares.div_(numbers).sqrt_();
    const at::Tensor rate = step_.is_relative
                                ? scale.div_(numbers).sqrt_().clamp_min_(kAdafactorLeastScale)
                                : scale.fill_(1);
    rate.mul_(step_.learning_rate);
    const at::Tensor keep = (1 - rate * step_.weight_decay).to(at::kFloat),
                     factor = (rate / root_mean.div_(kAdafactorLargestUpdate).clamp_min_(1))
                                  .to(at::kFloat);
    for (std::int64_t begin = 0; begin < rows_; begin += at_once_) {
      const std::int64_t count = std::min(at_once_, rows_ - begin);
      const at::Tensor part = part_of(value_, begin, count);
      store(part, part.to(at::kFloat) * keep - direction(begin, count).mul_(factor),
            is_matrix_ ? begin * value_.size(1) : 0);
    }
  }

 private:
  [[nodiscard]] at::Tensor part_of(const at::Tensor& tensor, std::int64_t begin,
                                   std::int64_t count) const {
    return is_matrix_ ? tensor.narrow(0, begin, count) : tensor;
  }
  [[nodiscard]] at::Tensor squares(const at::Tensor& part) const {
    const at::Tensor g = part.to(at::kFloat) * step_.gradient_scale;
    return (g * g).add_(kAdafactorLeastSquare);
  }
  void move_on(at::Tensor moment, const at::Tensor& mean) const {
    moment.mul_(1 - step_.share).add_(mean.to(at::kFloat).mul_(step_.share));
  }
  /// Numbers of rows [begin, begin + count) before clipping, float32: U.
  [[nodiscard]] at::Tensor direction(std::int64_t begin, std::int64_t count) const {
    const at::Tensor g = part_of(gradient_, begin, count).to(at::kFloat) * step_.gradient_scale;
    if (!is_matrix_) return g.div(moments_.second.sqrt());
    const at::Tensor mean = moments_.row.mean(at::kDouble).to(at::kFloat);
    return g.div((moments_.row.narrow(0, begin, count) / mean).sqrt_().unsqueeze(1))
        .div_(moments_.column.sqrt());
  }
  /// `w` float32 in the place of `part`, whose first number is number `place` of the tensor.
  void store(const at::Tensor& part, const at::Tensor& w, std::int64_t place) const {
    if (!step_.is_stochastic || part.scalar_type() != at::kBFloat16) {
      part.copy_(w);
      return;
    }
    const at::Tensor bits = random_bits(step_.place, place, part.numel(), part.device());
    part.copy_(rounded(w.view({-1}), bits, RoundedPart::weight).view(part.sizes()));
  }

  const AdafactorStep& step_;
  const at::Tensor &value_, &gradient_;
  const AdafactorMoments& moments_;
  bool is_matrix_;
  std::int64_t rows_, at_once_;
};

}  // namespace

void adafactor_by_operations(const AdafactorStep& step, at::Tensor value,
                             const at::Tensor& gradient, const AdafactorMoments& moments) {
  const Update update(step, value, gradient, moments);
  update.count_squares();
  update.update();
}

}  // namespace lldm
