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
#include <map>

#include "lldm/model/transformer_config.hpp"

namespace lldm::bench {

/// Floating-point operations per second of a float32 product of two 1024 x 1024 matrices with the
/// threads that are set now: the best of eight, so that a busy moment does not flatter our shares.
inline double gemm_rate() {
  static std::map<int, double> known;  // by number of threads
  if (const auto at = known.find(at::get_num_threads()); at != known.end()) return at->second;
  const at::Tensor a = at::ones({1024, 1024}), b = at::ones({1024, 1024});
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(at::mm(a, b));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2.0 * 1024 * 1024 * 1024 / took.count());
  }
  return known[at::get_num_threads()] = best;
}

/// Operations of one forward pass over sequences of `length` tokens each, counting products alone:
/// attention's four projections and SwiGLU's three, QK^T and AV over the whole sequence, and the
/// head at the queried rows.  A backward pass costs twice as many.
inline double forward_flops(const TransformerConfig& model, double tokens, double length,
                            double queried) {
  const auto width = static_cast<double>(model.width);
  const auto layers = static_cast<double>(model.layers);
  const double weights = 4 * width * width + 3 * width * static_cast<double>(model.mlp_width);
  return layers * tokens * (2 * weights + 4 * length * width) +
         2 * queried * width * static_cast<double>(model.logit_columns);
}

/// Times what stands between its making and `report`, against the machine's gemm_rate().
class Rates {
 public:
  Rates() : gemm_(gemm_rate()), begin_(std::chrono::steady_clock::now()) {}

  /// Sets the counters tokens_per_second and gemm_share (operations per second over those of a
  /// matrix product) from the work of one iteration.
  void report(benchmark::State& state, double tokens, double flops) const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    const double per_second = static_cast<double>(state.iterations()) / took.count();
    state.counters["tokens_per_second"] = tokens * per_second;
    state.counters["gemm_share"] = flops * per_second / gemm_;
  }

 private:
  double gemm_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace lldm::bench
