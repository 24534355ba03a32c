// SPDX-License-Identifier: MIT
#include "lldm/train/optimizer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "track/read_backs.hpp"
#include "train/kernels/adamw.hpp"
#include "train/slices.hpp"

namespace lldm {

namespace {

/// ", first in NAME": the first tensor whose gradient is not finite; else the whole is too large.
std::string culprit(const std::vector<NamedParameter>& parameters) {
  for (const NamedParameter& parameter : parameters)
    if (!std::isfinite(parameter.value.grad().sum().item<double>()))
      return message(", first in ", parameter.name);
  return "";
}

bool has_kernel(const at::Tensor& tensor) {
  return tensor.is_cpu() &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
}

double norm_on_cpu(const std::vector<at::Tensor>& gradients) {
  std::vector<std::int64_t> counts;
  for (const at::Tensor& gradient : gradients) counts.push_back(gradient.numel());
  const std::vector<Slice> slices = cut(counts);
  std::vector<double> squares(slices.size());
  in_parallel(slices.size(), [&](std::size_t s) {
    const Slice& slice = slices[s];
    const at::Tensor& gradient = gradients[slice.tensor];
    squares[s] = gradient.scalar_type() == at::kFloat
                     ? sum_of_squares(gradient.const_data_ptr<float>(), slice.begin, slice.end)
                     : sum_of_squares(static_cast<const std::uint16_t*>(gradient.const_data_ptr()),
                                      slice.begin, slice.end);
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

/// One read-back for all of them and `others`; bfloat16 ones are summed in float32.
GradientReading reading_of(const std::vector<at::Tensor>& gradients,
                           const std::vector<at::Tensor>& others) {
  std::vector<at::Tensor> narrow, wide, all;
  for (const at::Tensor& gradient : gradients)
    (gradient.scalar_type() == at::kBFloat16 ? narrow : wide).push_back(gradient);
  if (!narrow.empty()) all = at::_foreach_norm(narrow, 2, at::kFloat);
  if (!wide.empty())
    for (at::Tensor& norm : at::_foreach_norm(wide)) all.push_back(std::move(norm));
  const std::size_t count = all.size();
  all.insert(all.end(), others.begin(), others.end());
  const std::vector<double> values = read_back(all);
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) squares += values[i] * values[i];
  return {std::sqrt(squares), {values.begin() + static_cast<std::ptrdiff_t>(count), values.end()}};
}

}  // namespace

Optimizer::Optimizer(std::vector<NamedParameter> parameters, double max_gradient_norm)
    : max_gradient_norm_(max_gradient_norm) {
  for (NamedParameter& parameter : parameters)
    if (parameter.value.requires_grad()) parameters_.push_back(std::move(parameter));
  {
    // Here, so that the backward pass adds to them instead of booking them as activations.
    const PurposeScope scope(MemoryPurpose::gradients);
    gradients_ = FlatTensors::zeros_like(values());
  }
  adopt_gradients();
}

std::vector<at::Tensor> Optimizer::values() const {
  std::vector<at::Tensor> values;
  for (const NamedParameter& parameter : parameters_) values.push_back(parameter.value);
  return values;
}

void Optimizer::adopt_gradients() const {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor value = parameters_[i].value;
    if (const at::Tensor gradient = value.grad(); !gradient.defined())
      gradients_[i].zero_();
    else if (gradient.is_alias_of(gradients_[i]))
      continue;
    else
      at::Tensor(gradients_[i]).copy_(gradient);
    value.mutable_grad() = gradients_[i];
  }
}

GradientReading Optimizer::read_gradient(const std::vector<at::Tensor>& others) const {
  const c10::NoGradGuard no_grad;
  adopt_gradients();
  const std::vector<at::Tensor>& gradients = gradients_.parts();
  if (parameters_.empty()) return {0, read_back(others)};
  if (!std::ranges::all_of(gradients, has_kernel)) return reading_of(gradients, others);
  GradientReading reading{norm_on_cpu(gradients), {}};
  if (others.empty())
    note_read_back();
  else
    reading.others = read_back(others);
  return reading;
}

double Optimizer::step(double learning_rate) {
  const double norm = read_gradient().norm;
  take(learning_rate, norm);
  return norm;
}

void Optimizer::take(double learning_rate, double norm, double loss_scale) {
  const c10::NoGradGuard no_grad;
  if (!std::isfinite(norm))
    throw NonFiniteGradient(message(
        "the gradient norm is ", norm, " at optimizer step ", steps_done_ + 1, culprit(parameters_),
        "\n  nothing was updated by this step, and checkpoints saved before are intact; a smaller "
        "learning_rate may help"));
  ++steps_done_;
  const bool is_clipped = max_gradient_norm_ > 0 && norm > max_gradient_norm_;
  const double clipping = is_clipped ? max_gradient_norm_ / (norm + 1e-6) : 1.0;
  if (!parameters_.empty()) update({learning_rate, clipping / loss_scale});
}

std::vector<NamedParameter> Optimizer::moments(const FlatTensors& first,
                                               const FlatTensors& second) const {
  std::vector<NamedParameter> state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({parameters_[i].name + ".first", first[i]});
    state.push_back({parameters_[i].name + ".second", second[i]});
  }
  return state;
}

void Optimizer::require_float32_or_bfloat16(std::string_view type) const {
  for (const NamedParameter& parameter : parameters_)
    if (const auto dtype = parameter.value.scalar_type();
        dtype != at::kFloat && dtype != at::kBFloat16)
      throw ConfigError(message("optimizer ", type, ": \"", parameter.name, "\" is in ", dtype,
                                "\n  legal: float32 and bfloat16 weights"));
}

}  // namespace lldm
