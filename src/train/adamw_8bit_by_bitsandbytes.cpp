// SPDX-License-Identifier: MIT
#include "train/adamw_8bit_by_bitsandbytes.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <mutex>

#include "lldm/errors.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "memory/cuda_library.hpp"
#include "train/adamw_factors.hpp"
#include "train/dynamic_codes.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {

std::string why_adamw_8bit_stays_ours(const AdamW8BitStep& step) {
  if (step.value.scalar_type() != step.gradient.scalar_type())
    return "the gradient has another dtype";
  if (step.value.scalar_type() == at::kFloat) return "";
  if (step.value.scalar_type() != at::kBFloat16) return "neither float32 nor bfloat16";
  if (step.is_stochastic) return "bfloat16 weights are rounded stochastically";
  if (step.options.weight_decay != 0) return "bfloat16 weights decay";
  return "";
}

void adamw_8bit_by_bitsandbytes(const memory::Bitsandbytes& library, const AdamW8BitStep& step,
                                std::int64_t numbers_of_call) {
  const AdamWFactors factors =
      adamw_factors(step.options, step.learning_rate, step.gradient_scale, step.step);
  const bool is_bfloat16 = step.value.scalar_type() == at::kBFloat16;
  if (factors.keep != 1) at::Tensor(step.value).mul_(factors.keep);
  const auto update = is_bfloat16 ? library.adam_bfloat16 : library.adam_float32;
  for (std::int64_t begin = 0; begin < step.value.numel(); begin += numbers_of_call) {
    const std::int64_t count = std::min(numbers_of_call, step.value.numel() - begin);
    const auto part = [&](const at::Tensor& whole) { return whole.narrow(0, begin, count); };
    const std::int64_t block = begin / kDynamicBlockNumbers;
    at::Tensor second = part(step.second);
    // Where the second moment will be above zero: 1, the code that it has there at least.
    const at::Tensor least = (second.ne(0)).logical_or_(part(step.gradient).ne(0)).to(at::kByte);
    update(part(step.value).mutable_data_ptr(), part(step.gradient).mutable_data_ptr(),
           part(step.first).mutable_data_ptr<std::uint8_t>(),
           second.mutable_data_ptr<std::uint8_t>(), static_cast<float>(step.options.beta1),
           static_cast<float>(step.options.beta2), /*beta3=*/0, /*alpha=*/0,
           static_cast<float>(step.options.epsilon), static_cast<int>(step.step),
           static_cast<float>(step.learning_rate), step.first_map.mutable_data_ptr<float>(),
           step.second_map.mutable_data_ptr<float>(),
           step.first_scale.mutable_data_ptr<float>() + block,
           step.second_scale.mutable_data_ptr<float>() + block, /*weight_decay=*/0, factors.scale,
           /*skips_zeros=*/false, static_cast<int>(count));
    at::maximum_out(second, second, least);
  }
}

std::string adamw_8bit_trial(const memory::Bitsandbytes& library, at::Device device) {
  constexpr std::int64_t kCount = AdamW8Bit::kLeastNumbers + 1000;  // a short block behind
  constexpr double kRate = 1e-2, kBound = 0.05;
  const auto wave = [&](double by) {
    return at::arange(1, kCount + 1, at::kFloat).mul_(by).sin_();
  };
  const AdamW::Options options{.max_gradient_norm = 0};
  const NamedParameter here{"w", wave(0.3).requires_grad_(true)};
  AdamW8Bit ours({here}, options);
  const auto zeros = [&](std::int64_t count, at::ScalarType dtype) {
    return at::zeros({count}, at::TensorOptions(dtype).device(device));
  };
  const std::int64_t blocks = (kCount + kDynamicBlockNumbers - 1) / kDynamicBlockNumbers;
  const DynamicMap first(device, true), second(device, false);
  AdamW8BitStep there{.options = options,
                      .learning_rate = kRate,
                      .value = here.value.detach().to(device, at::kFloat, false, /*copy=*/true),
                      .gradient = {},
                      .first = zeros(kCount, at::kByte),
                      .second = zeros(kCount, at::kByte),
                      .first_scale = zeros(blocks, at::kFloat),
                      .second_scale = zeros(blocks, at::kFloat),
                      .first_map = first.values,
                      .second_map = second.values};
  for (const double by : {0.11, 0.7, 0.013}) {
    const at::Tensor slope = wave(by);
    here.value.mutable_grad().copy_(slope);
    static_cast<void>(ours.step(kRate));
    there.gradient = slope.to(device);
    ++there.step;
    adamw_8bit_by_bitsandbytes(library, there);
    // In shares of a step: another code of a moment is a few hundredths of it.
    const double error =
        (there.value.to(at::kCPU) - here.value.detach()).abs().mean().item<double>() / kRate;
    if (!(error <= kBound))
      return message("step ", there.step, " of a trial of 8-bit Adam is ", error,
                     " of a step off on average, at most ", kBound, " is right");
  }
  return "";
}

namespace {

/// Of this process: one GPU computes in it.
struct Trial {
  std::mutex lock;
  bool is_done = false;
};

void try_once(const memory::Bitsandbytes& library, at::Device device) {
  static Trial only;
  const std::scoped_lock held(only.lock);
  if (only.is_done) return;
  only.is_done = true;
  if (const std::string why = adamw_8bit_trial(library, device); !why.empty())
    memory::distrust_bitsandbytes(why);
}

}  // namespace

const memory::Bitsandbytes* bitsandbytes_for(const AdamW8BitStep& step) {
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  if (!step.value.is_cuda() || cuda == nullptr || !why_adamw_8bit_stays_ours(step).empty())
    return nullptr;
  if (cuda->current_stream() != nullptr) return nullptr;
  const memory::Bitsandbytes* library = memory::bitsandbytes();
  if (library != nullptr) try_once(*library, step.value.device());
  return memory::bitsandbytes();
}

}  // namespace lldm
