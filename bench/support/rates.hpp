// SPDX-License-Identifier: MIT
// What the machine could do (its matrix product) and what a model's step has to do.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "lldm/model/llada_config.hpp"

namespace lldm::bench {

/// Floating-point operations per second of a float32 product of two 1024 x 1024 matrices with the
/// threads that are set now: the best of eight, so that a busy moment does not flatter our shares.
inline double gemm_rate() {
  const at::Tensor a = at::ones({1024, 1024}), b = at::ones({1024, 1024});
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(at::mm(a, b));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2.0 * 1024 * 1024 * 1024 / took.count());
  }
  return best;
}

/// Operations of one forward pass over sequences of `length` tokens each, counting products alone:
/// attention's four projections and SwiGLU's three, QK^T and AV over the whole sequence, and the
/// head at the queried rows.  A backward pass costs twice as many.
inline double forward_flops(const LladaConfig& model, double tokens, double length,
                            double queried) {
  const auto width = static_cast<double>(model.d_model);
  const auto layers = static_cast<double>(model.n_layers);
  const double weights = 4 * width * width + 3 * width * static_cast<double>(model.mlp_hidden_size);
  return layers * tokens * (2 * weights + 4 * length * width) +
         2 * queried * width * static_cast<double>(model.embedding_size);
}

/// Sets the counters tokens_per_second and gemm_share (of `rate`) from the work of one iteration.
inline void report_rates(benchmark::State& state, double tokens, double flops, double rate) {
  using benchmark::Counter;
  state.counters["tokens_per_second"] = Counter(tokens, Counter::kIsIterationInvariantRate);
  state.counters["gemm_share"] = Counter(flops / rate, Counter::kIsIterationInvariantRate);
}

}  // namespace lldm::bench
