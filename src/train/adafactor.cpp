// SPDX-License-Identifier: MIT
#include "lldm/train/adafactor.hpp"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <string>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "train/adafactor_update.hpp"
#include "train/adamw_factors.hpp"

namespace lldm {
namespace {

constexpr double kDecayExponent = 0.8;  // Shazeer & Stern 2018, section 9

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

void Adafactor::update(const Step& step) {
  const double share = std::pow(static_cast<double>(steps_done()), -kDecayExponent);
  std::vector<AdafactorTensor> here;
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const at::Tensor value = parameters()[i].value.detach();
    if (value.numel() == 0) continue;
    const AdafactorStep now{.gradient_scale = step.gradient_scale,
                            .share = share,
                            .learning_rate = step.learning_rate,
                            .weight_decay = options_.weight_decay,
                            .is_relative = options_.relative_step,
                            .is_stochastic = rounding_.is_stochastic,
                            .place = random_place(rounding_, steps_done(), i)};
    const auto& [row, column, second] = moments_[i];
    const AdafactorMoments moments{row, column, second};
    if (row.defined() && value.is_cpu() && value.is_contiguous()) {
      here.push_back({now, value, gradient(i), moments});
      continue;
    }
    adafactor_by_operations(now, value, gradient(i), moments);
    at::Tensor(gradient(i)).zero_();
  }
  adafactor_on_cpu(here);
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
