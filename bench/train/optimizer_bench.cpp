// SPDX-License-Identifier: MIT
// A whole optimizer step (norm, clipping, update, clearing) over the 134 M weights of width 768, 12
// layers, MLP 2048 and 32,000 tokens: ours, LibTorch's fused update, and PyTorch's multi-tensor one
// as its eager loop runs it.
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <benchmark/benchmark.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "lldm/train/train_options.hpp"

namespace {

using Tensors = std::vector<at::Tensor>;
constexpr double kRate = 1e-4, kBeta1 = 0.9, kBeta2 = 0.95, kEpsilon = 1e-8, kDecay = 0.1;

std::vector<std::vector<std::int64_t>> sizes(std::int64_t layers) {
  std::vector<std::vector<std::int64_t>> list{{32000, 768}, {32000, 768}, {768}};
  for (std::int64_t layer = 0; layer < layers; ++layer)
    for (const std::vector<std::int64_t>& size : {std::vector<std::int64_t>{768, 768},
                                                  {768, 768},
                                                  {768, 768},
                                                  {768, 768},
                                                  {2048, 768},
                                                  {2048, 768},
                                                  {768, 2048},
                                                  {768},
                                                  {768}})
      list.push_back(size);
  return list;
}

struct Problem {
  Tensors values, gradients, first, second;

  explicit Problem(std::int64_t layers) {
    for (const auto& size : sizes(layers)) {
      values.push_back(at::randn(size).mul_(0.02));
      gradients.push_back(at::zeros_like(values.back()));
      first.push_back(at::zeros_like(values.back()));
      second.push_back(at::zeros_like(values.back()));
    }
  }
  [[nodiscard]] double numbers() const {
    double count = 0;
    for (const at::Tensor& value : values) count += static_cast<double>(value.numel());
    return count;
  }
};

/// torch.nn.utils.clip_grad_norm_: the scale stays a tensor, and is multiplied always.
void clip(const Tensors& gradients) {
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2);
  const at::Tensor scale = (1.0 / (norm + 1e-6)).clamp_max(1.0);
  at::_foreach_mul_(gradients, scale);
}

void run_fused(benchmark::State& state) {
  const c10::NoGradGuard no_grad;
  Problem p(state.range(0));
  double step = 0;
  for (auto _ : state) {
    clip(p.gradients);
    const Tensors counts(p.values.size(), at::full({}, ++step));
    at::_fused_adamw_(p.values, p.gradients, p.first, p.second, {}, counts, kRate, kBeta1, kBeta2,
                      kDecay, kEpsilon, false, false);
    at::_foreach_zero_(p.gradients);
  }
  state.counters["weights_per_second"] =
      benchmark::Counter(p.numbers(), benchmark::Counter::kIsIterationInvariantRate);
}

/// torch.optim.AdamW(foreach=True).step(), line by line.
void run_foreach(benchmark::State& state) {
  const c10::NoGradGuard no_grad;
  Problem p(state.range(0));
  double step = 0;
  for (auto _ : state) {
    clip(p.gradients);
    ++step;
    at::_foreach_mul_(p.values, 1 - kRate * kDecay);
    at::_foreach_lerp_(p.first, p.gradients, 1 - kBeta1);
    at::_foreach_mul_(p.second, kBeta2);
    at::_foreach_addcmul_(p.second, p.gradients, p.gradients, 1 - kBeta2);
    const Tensors divisors = at::_foreach_sqrt(p.second);
    at::_foreach_div_(divisors, std::sqrt(1 - std::pow(kBeta2, step)));
    at::_foreach_add_(divisors, kEpsilon);
    at::_foreach_addcdiv_(p.values, p.first, divisors, -kRate / (1 - std::pow(kBeta1, step)));
    at::_foreach_zero_(p.gradients);
  }
  state.counters["weights_per_second"] =
      benchmark::Counter(p.numbers(), benchmark::Counter::kIsIterationInvariantRate);
}

void run_ours(benchmark::State& state, const std::string& type, at::ScalarType dtype,
              bool is_on_host = false) {
  std::vector<lldm::NamedParameter> parameters;
  double numbers = 0;
  for (const auto& size : sizes(state.range(0))) {
    parameters.push_back({std::to_string(parameters.size()),
                          at::randn(size).mul_(0.02).to(dtype).requires_grad_(true)});
    numbers += static_cast<double>(parameters.back().value.numel());
  }
  lldm::OptimizerOptions options;
  options.type = type;
  if (is_on_host) options.resident = lldm::OptimizerResidence::host;
  const auto optimizer = lldm::make_optimizer(parameters, options, lldm::Draws(1, "bench"));
  for (auto& parameter : parameters) parameter.value.mutable_grad().fill_(1e-3);
  for (auto _ : state) benchmark::DoNotOptimize(optimizer->step(kRate));
  state.counters["weights_per_second"] =
      benchmark::Counter(numbers, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_adamw(benchmark::State& state) { run_ours(state, "adamw", at::kFloat); }
void BM_adamw_bfloat16(benchmark::State& state) { run_ours(state, "adamw", at::kBFloat16); }
void BM_adamw_8bit(benchmark::State& state) { run_ours(state, "adamw_8bit", at::kFloat); }
void BM_adamw_8bit_bfloat16(benchmark::State& state) {
  run_ours(state, "adamw_8bit", at::kBFloat16);
}
void BM_adafactor(benchmark::State& state) { run_ours(state, "adafactor", at::kFloat); }
void BM_adafactor_bfloat16(benchmark::State& state) { run_ours(state, "adafactor", at::kBFloat16); }
void BM_host_adamw_bfloat16(benchmark::State& state) {
  run_ours(state, "adamw", at::kBFloat16, true);
}
void BM_fused_adamw(benchmark::State& state) { run_fused(state); }
void BM_foreach_adamw(benchmark::State& state) { run_foreach(state); }

#define LLDM_OPTIMIZER_BENCH(name) \
  BENCHMARK(name)->ArgName("layers")->Arg(1)->Arg(12)->UseRealTime()->Unit(benchmark::kMillisecond)
LLDM_OPTIMIZER_BENCH(BM_adamw);
LLDM_OPTIMIZER_BENCH(BM_fused_adamw);
LLDM_OPTIMIZER_BENCH(BM_foreach_adamw);
LLDM_OPTIMIZER_BENCH(BM_adamw_bfloat16);
LLDM_OPTIMIZER_BENCH(BM_adamw_8bit);
LLDM_OPTIMIZER_BENCH(BM_adamw_8bit_bfloat16);
LLDM_OPTIMIZER_BENCH(BM_adafactor);
LLDM_OPTIMIZER_BENCH(BM_adafactor_bfloat16);
LLDM_OPTIMIZER_BENCH(BM_host_adamw_bfloat16);

}  // namespace
