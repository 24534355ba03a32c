// SPDX-License-Identifier: MIT
// What the ring of streamed weights costs by itself: an adapter's step beside a frozen base, whose
// blocks lie in memory or pass through two slots.  On the CPU every copy is waited for, so that the
// ratio of the two is the most that streaming costs; beside a GPU copies run while it computes.
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <benchmark/benchmark.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "lldm/draws/stream.hpp"
#include "lldm/model/transformer.hpp"
#include "support/rates.hpp"

namespace {

using namespace lldm;

struct Base {
  std::shared_ptr<Transformer> model;
  PackedTokens batch;

  Base(const benchmark::State& state, WeightPlacement placement) {
    const TransformerConfig config{.width = state.range(1),
                                   .layers = 8,
                                   .heads = 8,
                                   .kv_heads = 8,
                                   .mlp_width = state.range(2)};
    model = std::make_shared<Transformer>(config, at::kFloat, at::kCPU, placement);
    {
      const c10::NoGradGuard guard;
      double phase = 0;
      for (const NamedParameter& parameter : model->base_parameters()) {
        at::Tensor value = parameter.value;
        if (value.dim() == 1)
          value.fill_(1);
        else
          value.copy_(at::arange(value.numel())
                          .to(at::kDouble)
                          .add(phase += 1)
                          .mul(0.37)
                          .sin()
                          .div(std::sqrt(static_cast<double>(value.size(1))))
                          .view_as(value));
      }
    }
    model->add_adapter({.rank = 8, .alpha = 16}, Draws(1, "bench"));
    constexpr std::int64_t kLength = 64;
    const std::int64_t tokens = state.range(3);
    Stream stream(1, 2);
    batch.tokens = at::arange(tokens);
    auto* ids = batch.tokens.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < tokens; ++i) ids[i] = stream.below(config.vocabulary);
    for (std::int64_t i = 0; i <= tokens / kLength; ++i) batch.offsets.push_back(i * kLength);
  }
  /// Returns the scores' sum.
  [[nodiscard]] at::Tensor step() const {
    const auto loss = model->log_probabilities(model->hidden(batch), batch.tokens).mean();
    loss.backward();
    return loss.detach();
  }
};

double seconds_of(const Base& base) {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    (void)base.step();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = i == 0 ? took.count() : std::min(best, took.count());
  }
  return best;
}

void BM_streamed_step(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Base resident(state, {}), streamed(state, {FrozenWeights::streamed, 2});
  if (!at::equal(resident.step(), streamed.step())) {
    std::fprintf(stderr, "streamed weights give other numbers\n");
    std::exit(1);
  }
  for (auto _ : state) benchmark::DoNotOptimize(streamed.step());
  state.counters["resident_ms"] = 1e3 * seconds_of(resident);
  state.counters["streamed_ms"] = 1e3 * seconds_of(streamed);
  state.counters["ratio"] = state.counters["streamed_ms"] / state.counters["resident_ms"];
}

BENCHMARK(BM_streamed_step)
    ->ArgNames({"threads", "D", "F", "tokens"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({1, 64, 176, 512})
    ->Args({2, 256, 688, 256})
    ->Args({2, 256, 688, 2048})
    ->Args({2, 768, 2048, 512})
    ->Args({2, 768, 2048, 4096});

}  // namespace
