// SPDX-License-Identifier: MIT
#include "lldm/train/adamw.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <string>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"

namespace lldm {

namespace {

/// ", first in NAME": the first tensor whose gradient is not finite; else the whole is too large.
std::string culprit(const std::vector<NamedParameter>& parameters) {
  for (const NamedParameter& parameter : parameters)
    if (!std::isfinite(parameter.value.grad().sum().item<double>()))
      return message(", first in ", parameter.name);
  return "";
}

}  // namespace

AdamW::AdamW(std::vector<NamedParameter> parameters, const Options& options) : options_(options) {
  std::vector<at::Tensor> values;
  for (NamedParameter& parameter : parameters) {
    if (!parameter.value.requires_grad()) continue;
    values.push_back(parameter.value);
    parameters_.push_back(std::move(parameter));
  }
  {
    // Here, so that the backward pass adds to them instead of booking them as activations.
    const PurposeScope scope(MemoryPurpose::gradients);
    gradients_ = FlatTensors::zeros_like(values);
  }
  require_gradients();
  const PurposeScope scope(MemoryPurpose::optimizer);
  first_ = FlatTensors::zeros_like(values);
  second_ = FlatTensors::zeros_like(values);
}

void AdamW::require_gradients() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (at::Tensor value = parameters_[i].value; !value.grad().defined())
      value.mutable_grad() = gradients_[i].zero_();
}

void AdamW::clear_gradients() const {
  gradients_.zero();
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (const at::Tensor& gradient = parameters_[i].value.grad();
        !gradient.is_alias_of(gradients_[i]))
      gradient.zero_();
}

double AdamW::clip() const {
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& parameter : parameters_) gradients.push_back(parameter.value.grad());
  double squares = 0;
  if (!gradients.empty()) {  // one read-back for all of them
    const at::Tensor norms =
        at::stack(at::_foreach_norm(gradients)).to(at::Device(at::kCPU), at::kDouble);
    for (std::int64_t i = 0; i < norms.size(0); ++i) {
      const double value = norms.const_data_ptr<double>()[i];
      squares += value * value;
    }
  }
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) return norm;
  if (options_.max_gradient_norm > 0 && norm > options_.max_gradient_norm)
    at::_foreach_mul_(gradients, options_.max_gradient_norm / (norm + 1e-6));
  return norm;
}

double AdamW::step(double learning_rate) {
  const c10::NoGradGuard no_grad;
  require_gradients();
  std::vector<at::Tensor> values, gradients;
  for (const NamedParameter& parameter : parameters_) {
    values.push_back(parameter.value);
    gradients.push_back(parameter.value.grad());
  }
  const double norm = clip();
  if (!std::isfinite(norm))
    throw NonFiniteGradient(message(
        "the gradient norm is ", norm, " at optimizer step ", steps_done_ + 1, culprit(parameters_),
        "\n  nothing was updated by this step, and checkpoints saved before are intact; a smaller "
        "learning_rate may help"));
  ++steps_done_;
  if (values.empty()) return norm;
  const std::vector<at::Tensor> counts(
      values.size(),
      at::full({}, static_cast<double>(steps_done_), values.front().options().dtype(at::kFloat)));
  at::_fused_adamw_(values, gradients, first_.parts(), second_.parts(), {}, counts, learning_rate,
                    options_.beta1, options_.beta2, options_.weight_decay, options_.epsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
  clear_gradients();
  return norm;
}

std::vector<NamedParameter> AdamW::state() const {
  std::vector<NamedParameter> state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({parameters_[i].name + ".first", first_[i]});
    state.push_back({parameters_[i].name + ".second", second_[i]});
  }
  return state;
}

void AdamW::load_state(const std::vector<NamedParameter>& state, std::int64_t steps_done) {
  const c10::NoGradGuard no_grad;
  const std::vector<NamedParameter> mine = this->state();
  if (state.size() != mine.size())
    throw DataError(
        message("optimizer state holds ", state.size(), " tensors, the model needs ", mine.size()));
  for (const NamedParameter& target : mine) {
    bool is_found = false;
    for (const NamedParameter& source : state)
      if (source.name == target.name && source.value.sizes() == target.value.sizes()) {
        const_cast<at::Tensor&>(target.value).copy_(source.value);
        is_found = true;
      }
    if (!is_found)
      throw DataError(message("optimizer state: no tensor \"", target.name, "\" of shape ",
                              target.value.sizes()));
  }
  steps_done_ = steps_done;
}

}  // namespace lldm
