// SPDX-License-Identifier: MIT
// Rates: of products, of a block, of a preference step of the 8B shape, and what they hold.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "lldm/train/adamw.hpp"
#include "pair_problem.hpp"

namespace lldm::gpu_check {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

at::Tensor random(const Bench& bench, at::IntArrayRef shape, at::ScalarType dtype) {
  return at::randn(shape, at::TensorOptions(at::kFloat).device(bench.at())).to(dtype);
}

/// Operations per second of a product [rows, inner] x [inner, columns].
double product_rate(const Bench& bench, at::ScalarType dtype, std::int64_t rows, std::int64_t inner,
                    std::int64_t columns) {
  const auto a = random(bench, {rows, inner}, dtype), b = random(bench, {columns, inner}, dtype);
  constexpr int kCalls = 5;  // between two waits: the launch is then no part of it
  const double seconds = bench.seconds(3, [&] {
    for (int i = 0; i < kCalls; ++i) (void)at::mm(a, b.t());
  });
  return 2.0 * static_cast<double>(rows) * static_cast<double>(inner) *
         static_cast<double>(columns) * kCalls / seconds;
}

Json memory_of(const Bench& bench, const MemoryManager::Watch& watch) {
  Json by_purpose = Json::object();
  for (std::size_t p = 0; p < kMemoryPurposes; ++p)
    if (const auto bytes = watch.peak_bytes(bench.ledger(), static_cast<MemoryPurpose>(p));
        bytes > 0)
      by_purpose[std::string(kMemoryPurposeNames[p])] = bytes;
  Json memory = {{"peak_bytes", watch.peak_bytes(bench.ledger())}, {"by_purpose", by_purpose}};
  if (bench.cuda == nullptr) return memory;
  const memory::CudaMemory now = bench.cuda->memory();
  memory["peak_allocated_bytes"] = now.peak_allocated_bytes;
  memory["peak_reserved_bytes"] = now.peak_reserved_bytes;
  memory["context_bytes"] = now.total_bytes - now.free_bytes - now.reserved_bytes;
  return memory;
}

struct StepOfPair {
  WeightStorage storage = WeightStorage::bfloat16;
  std::int64_t layers = 0, evaluations = 0;
  Recomputation recomputation = Recomputation::none;
  WeightPlacement placement = {};
};

/// The 8B shape with an adapter, by the pairwise path.
void measure_preference_step(const Bench& bench, Report& report, const std::string& name,
                             const StepOfPair& step) {
  if (bench.cuda != nullptr) bench.cuda->reset_peaks();
  const MemoryManager::Watch watch(*bench.memory);
  const TransformerConfig config = large_config(bench.is_small, step.layers);
  const auto begin = std::chrono::steady_clock::now();
  const auto policy =
      random_model(config, {at::kBFloat16, step.storage}, bench.at(), step.placement);
  policy->set_recomputation(step.recomputation);
  policy->add_adapter({.rank = 16, .alpha = 32}, Draws(5, "adapter"));
  bench.wait();
  const std::chrono::duration<double> made = std::chrono::steady_clock::now() - begin;
  const std::int64_t prompt = bench.is_small ? 16 : 128, response = bench.is_small ? 16 : 384;
  const PairProblem problem(
      policy, policy->without_adapter(),
      {.pairs = 1, .prompt = prompt, .response = response, .evaluations = step.evaluations},
      bench.device);
  AdamW optimizer(policy->parameters(), {});
  double loss = 0;
  const double seconds = bench.seconds(2, [&] {
    loss = problem.step(GradientPath::pairwise).loss;
    (void)optimizer.step(1e-5);
  });
  // The reference's forward, the policy's, and the gradients of its rows: the base is frozen.
  const double flops = 3 * forward_flops(config, problem.tokens(),
                                         static_cast<double>(prompt + response), problem.queries());
  Json line = {{"seconds", seconds},
               {"evaluations", step.evaluations},
               {"layers", step.layers},
               {"tokens", problem.tokens()},
               {"loss", loss},
               {"useful_flops_per_second", flops / seconds},
               {"seconds_to_make", made.count()},
               {"weight_bytes", policy->weight_bytes()}};
  line.update(memory_of(bench, watch));
  report.measure(name, line);
  report.require(name + ": the loss is finite", std::isfinite(loss));
}

/// The same, where a device may be too small for it: that is a result, too.
void preference_step(const Bench& bench, Report& report, const std::string& name,
                     const StepOfPair& step) {
  report.attempt(name, [&] {
    try {
      measure_preference_step(bench, report, name, step);
    } catch (const OutOfMemory& error) {
      report.skip(name, error.what());
    }
  });
}

}  // namespace

void measure_products(const Bench& bench, Report& report) {
  const std::int64_t large = bench.is_small ? 256 : 8192, rows = bench.is_small ? 128 : 4096,
                     width = bench.is_small ? 64 : 4096, mlp = bench.is_small ? 192 : 12288;
  const auto tell = [&](const std::string& name, at::ScalarType dtype) {
    report.attempt(name, [&] {
      report.measure(name, {{"square", product_rate(bench, dtype, large, large, large)},
                            {"attention", product_rate(bench, dtype, rows, width, width)},
                            {"mlp", product_rate(bench, dtype, rows, width, mlp)},
                            {"half the rows", product_rate(bench, dtype, rows / 2, width, mlp)}});
    });
  };
  tell("bfloat16", at::kBFloat16);
  tell("float32", at::kFloat);
  at::globalContext().setAllowTF32CuBLAS(true);
  tell("tf32", at::kFloat);
  at::globalContext().setAllowTF32CuBLAS(false);
}

void measure_block(const Bench& bench, Report& report) {
  const TransformerConfig config = large_config(bench.is_small, 1);
  const std::int64_t length = bench.is_small ? 32 : 512;
  for (const std::int64_t copies : {1, 8, 20})
    report.attempt(message("T = ", copies), [&] {
      const auto model = random_model(config, {at::kBFloat16, WeightStorage::bfloat16}, bench.at());
      model->add_adapter({.rank = 16, .alpha = 32}, Draws(5, "adapter"));
      PackedTokens texts;
      texts.offsets = {0};
      for (std::int64_t i = 0; i < copies; ++i)
        texts.offsets.push_back(texts.offsets.back() + length);
      texts.tokens = at::randint(config.vocabulary, {copies * length}, at::kLong);
      // On the CPU, too, the table of tensor operations, which a GPU runs.
      texts.patterns.resize(static_cast<std::size_t>(copies));
      model->hidden(texts).sum().backward();
      const MemoryManager::Watch watch(*bench.memory);
      model->hidden(texts).sum().backward();
      bench.wait();
      const auto growth = static_cast<double>(watch.growth_bytes(bench.ledger()));
      const double forward = bench.seconds(3, [&] {
        const c10::NoGradGuard guard;
        (void)model->hidden(texts);
      });
      const double both = bench.seconds(3, [&] { model->hidden(texts).sum().backward(); });
      const double flops = forward_flops(config, static_cast<double>(copies * length),
                                         static_cast<double>(length), 0);
      report.measure(message("T = ", copies), {{"rows", copies * length},
                                               {"forward_seconds", forward},
                                               {"forward_and_backward_seconds", both},
                                               {"forward_flops_per_second", flops / forward},
                                               {"flops_per_second", 2 * flops / both},
                                               {"peak_growth_bytes_per_row",
                                                growth / static_cast<double>(copies * length)}});
    });
}

void measure_pair(const Bench& bench, Report& report) {
  const std::int64_t all = bench.is_small ? 3 : 32;
  preference_step(bench, report, "two blocks, T = 8",
                  {WeightStorage::bfloat16, 2, 8, Recomputation::none});
  for (const std::int64_t evaluations : {1, 8, 20})
    preference_step(bench, report, message("all blocks, T = ", evaluations, ", recomputed"),
                    {WeightStorage::bfloat16, all, evaluations, Recomputation::full});
  preference_step(bench, report, "all blocks, T = 20, kept",
                  {WeightStorage::bfloat16, all, 20, Recomputation::none});
}

void measure_budget(const Bench& bench, Report& report) {
  constexpr std::int64_t kBudget = 16 * kGiB;
  const std::int64_t all = bench.is_small ? 3 : 32;
  const auto run = [&](const char* name, WeightStorage storage, std::int64_t evaluations) {
    preference_step(bench, report, message(name, ", T = ", evaluations),
                    {storage, all, evaluations, Recomputation::full});
  };
  // The context is a part of what a 16 GB card has: the limit is less by it.
  bench.memory->set_budget(bench.ledger(), {kBudget});
  const MemoryReport before = bench.memory->report();
  if (const DeviceMemory* use = before.find(bench.ledger()))
    report.measure("limit", {{"budget_bytes", use->budget_bytes},
                             {"reserved_bytes", use->reserved_bytes},
                             {"outside_bytes", use->outside_bytes},
                             {"pinned_bytes", use->pinned_bytes}});
  run("nf4", WeightStorage::nf4, 8);
  run("int8", WeightStorage::int8, 8);
  run("nf4", WeightStorage::nf4, 20);
  const WeightPlacement streamed{FrozenWeights::streamed, 2};
  preference_step(bench, report, "bfloat16, streamed, T = 8",
                  {WeightStorage::bfloat16, all, 8, Recomputation::full, streamed});
  preference_step(bench, report, "bfloat16, streamed, blocks' inputs on the host, T = 20",
                  {WeightStorage::bfloat16, all, 20, Recomputation::offload, streamed});
  if (bench.is_small) {
    run("bfloat16", WeightStorage::bfloat16, 8);
    return;
  }
  // 16 GB of weights: it must be refused with a text of ours, and leave the device usable.
  std::string text;
  try {
    (void)random_model(large_config(false, all), {at::kBFloat16, WeightStorage::bfloat16},
                       bench.at());
  } catch (const OutOfMemory& error) {
    text = error.what();
  }
  report.require("bfloat16 weights alone are refused", !text.empty(), {{"text", text}});
}

}  // namespace lldm::gpu_check
