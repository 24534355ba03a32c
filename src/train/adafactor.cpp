// SPDX-License-Identifier: MIT
#include "lldm/train/adafactor.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "train/adamw_factors.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {
namespace {

// Shazeer & Stern 2018, section 9.
constexpr double kLeastSquare = 1e-30, kLeastScale = 1e-3, kLargestUpdate = 1, kDecayExponent = 0.8;
/// Numbers whose float32 copies are held at once.
constexpr std::int64_t kPartNumbers = std::int64_t{1} << 20;

/// Rows that are looked at together: their numbers are whole groups of random bits.
std::int64_t rows_at_once(std::int64_t columns) {
  const std::int64_t rows = std::max<std::int64_t>(1, kPartNumbers / columns);
  return (rows + kRandomGroup - 1) / kRandomGroup * kRandomGroup;
}

}  // namespace

Adafactor::Adafactor(std::vector<NamedParameter> parameters, const Options& options,
                     WeightRounding rounding)
    : Optimizer(std::move(parameters), options.max_gradient_norm),
      options_(options),
      rounding_(rounding) {
  require_float32_or_bfloat16("adafactor");
  const PurposeScope scope(MemoryPurpose::optimizer);
  for (const NamedParameter& parameter : this->parameters()) {
    const at::Tensor& value = parameter.value;
    const auto zeros = [&](at::IntArrayRef sizes) {
      return at::zeros(sizes, at::TensorOptions(at::kFloat).device(value.device()));
    };
    if (value.dim() == 2)
      moments_.push_back({zeros({value.size(0)}), zeros({value.size(1)}), {}});
    else
      moments_.push_back({{}, {}, zeros(value.sizes())});
  }
}

void Adafactor::count_squares(std::size_t i, double gradient_scale, double share) const {
  const Moments& moments = moments_[i];
  const at::Tensor slope = gradient(i);
  const auto squares = [&](const at::Tensor& part) {
    const at::Tensor g = part.to(at::kFloat) * gradient_scale;
    return (g * g).add_(kLeastSquare);
  };
  const auto move_on = [&](at::Tensor moment, const at::Tensor& mean) {
    moment.mul_(1 - share).add_(mean.to(at::kFloat).mul_(share));
  };
  if (moments.second.defined()) return move_on(moments.second, squares(slope));
  const std::int64_t rows = slope.size(0), at_once = rows_at_once(slope.size(1));
  at::Tensor column = at::zeros({slope.size(1)}, slope.options().dtype(at::kDouble));
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t count = std::min(at_once, rows - begin);
    const at::Tensor part = squares(slope.narrow(0, begin, count));
    move_on(moments.row.narrow(0, begin, count), part.mean(1, false, at::kDouble));
    column.add_(part.sum({0}, false, at::kDouble));
  }
  move_on(moments.column, column.div_(static_cast<double>(rows)));
}

at::Tensor Adafactor::direction(std::size_t i, double gradient_scale, std::int64_t begin,
                                std::int64_t rows) const {
  const Moments& moments = moments_[i];
  if (moments.second.defined())
    return (gradient(i).to(at::kFloat) * gradient_scale).div_(moments.second.sqrt());
  const at::Tensor mean = moments.row.mean();
  return (gradient(i).narrow(0, begin, rows).to(at::kFloat) * gradient_scale)
      .div_((moments.row.narrow(0, begin, rows) / mean).sqrt_().unsqueeze(1))
      .div_(moments.column.sqrt());
}

void Adafactor::update_tensor(std::size_t i, const Step& step) const {
  at::Tensor value = parameters()[i].value.detach();
  const bool is_matrix = moments_[i].row.defined();
  const std::int64_t rows = is_matrix ? value.size(0) : 1,
                     at_once = is_matrix ? rows_at_once(value.size(1)) : 1;
  const auto numbers = static_cast<double>(value.numel());
  const auto double_zero = [&] { return at::zeros({}, value.options().dtype(at::kDouble)); };
  at::Tensor squares = double_zero(), scale = double_zero();
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t count = std::min(at_once, rows - begin);
    squares.add_(direction(i, step.gradient_scale, begin, count).square().sum(at::kDouble));
    if (!options_.relative_step) continue;
    const at::Tensor part = is_matrix ? value.narrow(0, begin, count) : value;
    scale.add_(part.to(at::kFloat).square().sum(at::kDouble));
  }
  // They stay on the device: nothing is read back.
  const at::Tensor root_mean = squares.div_(numbers).sqrt_();
  const at::Tensor rate =
      options_.relative_step ? scale.div_(numbers).sqrt_().clamp_min_(kLeastScale) : scale.fill_(1);
  rate.mul_(step.learning_rate);
  const at::Tensor keep = (1 - rate * options_.weight_decay).to(at::kFloat),
                   factor = (rate / root_mean.div_(kLargestUpdate).clamp_min_(1)).to(at::kFloat);
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t count = std::min(at_once, rows - begin);
    at::Tensor part = is_matrix ? value.narrow(0, begin, count) : value;
    const at::Tensor w =
        part.to(at::kFloat) * keep - direction(i, step.gradient_scale, begin, count).mul_(factor);
    if (rounding_.is_stochastic && value.scalar_type() == at::kBFloat16)
      part.copy_(
          rounded(w.view({-1}),
                  random_bits(random_place(rounding_, steps_done(), i),
                              is_matrix ? begin * value.size(1) : 0, part.numel(), value.device()),
                  RoundedPart::weight)
              .view(part.sizes()));
    else
      part.copy_(w);
  }
}

void Adafactor::update(const Step& step) {
  const double share = std::pow(static_cast<double>(steps_done()), -kDecayExponent);
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    if (parameters()[i].value.numel() == 0) continue;
    count_squares(i, step.gradient_scale, share);
    update_tensor(i, step);
  }
  clear_gradients();
}

std::vector<NamedParameter> Adafactor::state() const {
  std::vector<NamedParameter> state;
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const std::string& name = parameters()[i].name;
    const Moments& moments = moments_[i];
    if (moments.second.defined()) {
      state.push_back({name + ".second", moments.second});
    } else {
      state.push_back({name + ".row", moments.row});
      state.push_back({name + ".column", moments.column});
    }
  }
  return state;
}

}  // namespace lldm
