// SPDX-License-Identifier: MIT
#include "lldm/train/adamw.hpp"

#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>

#include <map>
#include <utility>

#include "lldm/memory/purpose.hpp"
#include "memory/cuda_library.hpp"
#include "train/adamw_factors.hpp"
#include "train/slices.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {
namespace {

std::uint16_t* bits_of(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.mutable_data_ptr());
}

}  // namespace

AdamW::AdamW(std::vector<NamedParameter> parameters, const Options& options,
             WeightRounding rounding)
    : Optimizer(std::move(parameters), options.max_gradient_norm),
      options_(options),
      rounding_(rounding) {
  const PurposeScope scope(MemoryPurpose::optimizer);
  first_ = FlatTensors::zeros_like(values());
  second_ = FlatTensors::zeros_like(values());
}

void AdamW::update(const Step& step) {
  std::vector<std::size_t> fused, on_device;
  std::vector<std::int64_t> counts;  // 0 of those that are not the CPU's kernels'
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const at::Tensor& value = parameters()[i].value;
    const bool is_plain = value.is_cpu() && value.is_contiguous();
    const bool is_ours = is_rounded(i) || (is_plain && value.scalar_type() == at::kFloat);
    counts.push_back(is_ours && value.is_cpu() ? value.numel() : 0);
    if (!is_ours)
      fused.push_back(i);
    else if (!value.is_cpu())
      on_device.push_back(i);
  }
  const AdamWFactors factors =
      adamw_factors(options_, step.learning_rate, step.gradient_scale, steps_done());
  const std::vector<Slice> slices = cut(counts);
  in_parallel(slices.size(), [&](std::size_t s) {
    const auto& [i, begin, end] = slices[s];
    update_on_cpu(i, begin, end, factors);
  });
  for (const std::size_t i : on_device) update_on_device(i, factors);
  if (!fused.empty()) update_fused(fused, step);
}

bool AdamW::is_rounded(std::size_t i) const {
  return rounding_.is_stochastic && parameters()[i].value.scalar_type() == at::kBFloat16;
}

void AdamW::update_on_cpu(std::size_t i, std::int64_t begin, std::int64_t end,
                          const AdamWFactors& factors) const {
  const at::Tensor& value = parameters()[i].value;
  if (is_rounded(i))
    adamw_bfloat16(AdamWBfloat16{factors, random_place(rounding_, steps_done(), i), bits_of(value),
                                 bits_of(gradient(i)), bits_of(first_[i]), bits_of(second_[i])},
                   begin, end);
  else
    adamw_float32({factors, value.mutable_data_ptr<float>(), gradient(i).mutable_data_ptr<float>(),
                   first_[i].mutable_data_ptr<float>(), second_[i].mutable_data_ptr<float>()},
                  begin, end);
}

void AdamW::update_on_device(std::size_t i, const AdamWFactors& factors) const {
  const at::Tensor& value = parameters()[i].value;
  const RandomPlace place = random_place(rounding_, steps_done(), i);
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  if (value.is_cuda() && value.is_contiguous() && cuda != nullptr)
    return cuda->kernels.adamw_bfloat16({factors, place, bits_of(value), bits_of(gradient(i)),
                                         bits_of(first_[i]), bits_of(second_[i])},
                                        value.numel(), cuda->current_stream());
  adamw_bfloat16(factors, place, 0, value.numel(), value.detach().view({-1}),
                 gradient(i).view({-1}), first_[i].view({-1}), second_[i].view({-1}));
  at::Tensor(gradient(i)).zero_();
}

void AdamW::update_fused(const std::vector<std::size_t>& which, const Step& step) const {
  std::map<at::ScalarType, std::vector<std::size_t>> by_dtype;  // a call takes one
  for (const std::size_t i : which) by_dtype[parameters()[i].value.scalar_type()].push_back(i);
  for (const auto& [dtype, alike] : by_dtype) update_fused_alike(alike, step);
}

void AdamW::update_fused_alike(const std::vector<std::size_t>& which, const Step& step) const {
  std::vector<at::Tensor> all, gradients, first, second;
  for (const std::size_t i : which) {
    all.push_back(parameters()[i].value);
    gradients.push_back(gradient(i));
    first.push_back(first_[i]);
    second.push_back(second_[i]);
  }
  if (step.gradient_scale != 1) at::_foreach_mul_(gradients, step.gradient_scale);
  const std::vector<at::Tensor> counts(
      all.size(),
      at::full({}, static_cast<double>(steps_done()), all.front().options().dtype(at::kFloat)));
  at::_fused_adamw_(all, gradients, first, second, {}, counts, step.learning_rate, options_.beta1,
                    options_.beta2, options_.weight_decay, options_.epsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
  if (which.size() == parameters().size()) return clear_gradients();
  at::_foreach_zero_(gradients);
}

std::vector<NamedParameter> AdamW::state() const { return moments(first_, second_); }

}  // namespace lldm
