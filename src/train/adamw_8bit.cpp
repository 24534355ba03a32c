// SPDX-License-Identifier: MIT
#include "lldm/train/adamw_8bit.hpp"

#include <ATen/ops/zeros.h>

#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "train/adamw_8bit_by_bitsandbytes.hpp"
#include "train/adamw_factors.hpp"
#include "train/dynamic_codes.hpp"
#include "train/slices.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {
namespace {

static_assert(kSliceNumbers % kDynamicBlockNumbers == 0);

std::uint16_t* bits_of(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.mutable_data_ptr());
}

}  // namespace

struct AdamW8Bit::Maps {
  explicit Maps(at::Device device) : first(device, true), second(device, false) {}
  DynamicMap first, second;
};

AdamW8Bit::AdamW8Bit(std::vector<NamedParameter> parameters, const Options& options,
                     WeightRounding rounding)
    : Optimizer(std::move(parameters), options.max_gradient_norm),
      options_(options),
      rounding_(rounding) {
  require_float32_or_bfloat16("adamw_8bit");
  const PurposeScope scope(MemoryPurpose::optimizer);
  for (const NamedParameter& parameter : this->parameters()) {
    const at::Tensor& value = parameter.value;
    const auto zeros = [&](at::IntArrayRef sizes, at::ScalarType dtype) {
      return at::zeros(sizes, at::TensorOptions(dtype).device(value.device()));
    };
    const std::int64_t count = value.numel(),
                       blocks = (count + kDynamicBlockNumbers - 1) / kDynamicBlockNumbers;
    if (count < kLeastNumbers)
      moments_.push_back(
          {zeros(value.sizes(), at::kFloat), zeros(value.sizes(), at::kFloat), {}, {}});
    else
      moments_.push_back({zeros(value.sizes(), at::kByte), zeros(value.sizes(), at::kByte),
                          zeros({blocks}, at::kFloat), zeros({blocks}, at::kFloat)});
    if (!value.is_cpu() && !maps_) maps_ = std::make_shared<const Maps>(value.device());
  }
}

namespace {

/// One tensor's numbers [begin, end) on the CPU.
struct CpuUpdate {
  AdamWFactors factors;
  RandomPlace place;
  bool is_stochastic;
  const at::Tensor &value, &gradient, &first, &second, &first_scale, &second_scale;

  template <class T>
  void blocks(T* value_data, T* gradient_data, std::int64_t begin, std::int64_t end) const {
    const AdamW8BitBlocks<T> all{factors,
                                 dynamic_tables(),
                                 place,
                                 is_stochastic,
                                 value.numel(),
                                 value_data,
                                 gradient_data,
                                 first.mutable_data_ptr<std::uint8_t>(),
                                 second.mutable_data_ptr<std::uint8_t>(),
                                 first_scale.mutable_data_ptr<float>(),
                                 second_scale.mutable_data_ptr<float>()};
    adamw_8bit(all, begin / kDynamicBlockNumbers,
               (end + kDynamicBlockNumbers - 1) / kDynamicBlockNumbers);
  }

  void operator()(std::int64_t begin, std::int64_t end) const {
    const bool is_float32 = value.scalar_type() == at::kFloat;
    if (first_scale.defined())
      return is_float32 ? blocks(value.mutable_data_ptr<float>(),
                                 gradient.mutable_data_ptr<float>(), begin, end)
                        : blocks(bits_of(value), bits_of(gradient), begin, end);
    auto* m = first.mutable_data_ptr<float>();
    auto* v = second.mutable_data_ptr<float>();
    if (is_float32)
      adamw_float32(
          {factors, value.mutable_data_ptr<float>(), gradient.mutable_data_ptr<float>(), m, v},
          begin, end);
    else
      adamw_mixed({factors, place, is_stochastic, bits_of(value), bits_of(gradient), m, v}, begin,
                  end);
  }
};

}  // namespace

void AdamW8Bit::update(const Step& step) {
  const AdamWFactors factors =
      adamw_factors(options_, step.learning_rate, step.gradient_scale, steps_done());
  bool is_on_cpu = true;
  std::vector<std::int64_t> counts;
  for (const at::Tensor& value : values()) {
    counts.push_back(value.numel());
    is_on_cpu = is_on_cpu && value.is_cpu() && value.is_contiguous();
  }
  if (!is_on_cpu) {
    for (std::size_t i = 0; i < moments_.size(); ++i) update_by_operations(i, step);
    return clear_gradients();
  }
  const std::vector<Slice> slices = cut(counts);
  in_parallel(slices.size(), [&](std::size_t s) {
    const auto& [i, begin, end] = slices[s];
    const Moments& m = moments_[i];
    CpuUpdate{factors,
              random_place(rounding_, steps_done(), i),
              rounding_.is_stochastic,
              parameters()[i].value,
              gradient(i),
              m.first,
              m.second,
              m.first_scale,
              m.second_scale}(begin, end);
  });
}

void AdamW8Bit::update_by_operations(std::size_t i, const Step& step) const {
  const AdamWFactors factors =
      adamw_factors(options_, step.learning_rate, step.gradient_scale, steps_done());
  const Moments& moments = moments_[i];
  const at::Tensor value = parameters()[i].value.detach().view({-1}),
                   slope = gradient(i).view({-1});
  if (moments.first_scale.defined()) {
    const AdamW8BitStep whole{options_,
                              step.learning_rate,
                              step.gradient_scale,
                              steps_done(),
                              rounding_.is_stochastic,
                              value,
                              slope,
                              moments.first.view({-1}),
                              moments.second.view({-1}),
                              moments.first_scale,
                              moments.second_scale,
                              maps_ ? maps_->first.values : at::Tensor(),
                              maps_ ? maps_->second.values : at::Tensor()};
    if (const memory::Bitsandbytes* library = bitsandbytes_for(whole))
      return adamw_8bit_by_bitsandbytes(*library, whole);
  }
  const bool is_rounded = rounding_.is_stochastic && value.scalar_type() == at::kBFloat16;
  for (std::int64_t begin = 0; begin < value.numel(); begin += kDevicePartNumbers) {
    const std::int64_t count = std::min(kDevicePartNumbers, value.numel() - begin);
    const auto part = [&](const at::Tensor& whole) {
      return whole.view({-1}).narrow(0, begin, count);
    };
    const auto scales = [&](const at::Tensor& whole) {
      return whole.narrow(0, begin / kDynamicBlockNumbers,
                          (count + kDynamicBlockNumbers - 1) / kDynamicBlockNumbers);
    };
    const bool is_coded = moments.first_scale.defined();
    const at::Tensor m = is_coded ? dynamic_decoded(part(moments.first),
                                                    scales(moments.first_scale), maps_->first)
                                  : part(moments.first),
                     v = is_coded ? dynamic_decoded(part(moments.second),
                                                    scales(moments.second_scale), maps_->second)
                                  : part(moments.second);
    const at::Tensor w =
        updated(factors, part(value).to(at::kFloat), part(slope).to(at::kFloat), m, v);
    part(value).copy_(is_rounded ? rounded(w,
                                           random_bits(random_place(rounding_, steps_done(), i),
                                                       begin, count, value.device()),
                                           RoundedPart::weight)
                                 : w);
    if (!is_coded) continue;
    dynamic_encode(m, part(moments.first), scales(moments.first_scale), maps_->first);
    dynamic_encode(v, part(moments.second), scales(moments.second_scale), maps_->second);
  }
}

std::vector<NamedParameter> AdamW8Bit::state() const {
  std::vector<NamedParameter> state;
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const std::string& name = parameters()[i].name;
    const Moments& m = moments_[i];
    state.push_back({name + ".first", m.first});
    state.push_back({name + ".second", m.second});
    if (!m.first_scale.defined()) continue;
    state.push_back({name + ".first_scale", m.first_scale});
    state.push_back({name + ".second_scale", m.second_scale});
  }
  return state;
}

}  // namespace lldm
