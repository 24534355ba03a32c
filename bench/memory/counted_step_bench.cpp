// SPDX-License-Identifier: MIT
// What the memory manager costs of a training step: the same step by turns with the manager
// installed and without it, and what counting alone takes of it (an allocation and its free, times
// the allocations of the step).  An installed manager keeps large blocks between uses besides, so
// that a step with it may well be the shorter one.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>

#include "lldm/draws/stream.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/transformer.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Problem {
  std::shared_ptr<lldm::Transformer> model;
  lldm::PackedTokens batch;
  at::Tensor targets;

  explicit Problem(std::int64_t width) {
    const lldm::TransformerConfig config{
        .width = width, .heads = 4, .kv_heads = 4, .mlp_width = 3 * width};
    model = lldm::make_transformer(config, {}, lldm::Draws(1, "bench"));
    model->set_trainable(true);
    constexpr std::int64_t kSequences = 8, kLength = 96;
    lldm::Stream stream(1, 2);
    batch.tokens = at::arange(kSequences * kLength);
    auto* ids = batch.tokens.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch.tokens.size(0); ++i)
      ids[i] = stream.below(config.vocabulary);
    for (std::int64_t s = 0; s <= kSequences; ++s) batch.offsets.push_back(s * kLength);
    targets = batch.tokens;
  }
  void step() const {
    const lldm::PurposeScope scope(lldm::MemoryPurpose::activations);
    model->log_probabilities(model->hidden(batch), targets).mean().backward();
    for (auto& parameter : model->parameters()) parameter.value.mutable_grad() = at::Tensor();
  }
};

/// Of an allocation and its free, the shortest of many rounds.
double allocation_seconds() {
  constexpr int kRounds = 50, kCalls = 10000;
  const lldm::PurposeScope scope(lldm::MemoryPurpose::activations);
  const auto options = at::TensorOptions().dtype(at::kByte);
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < kCalls; ++i) benchmark::DoNotOptimize(at::empty({256}, options));
    best = std::min(best, seconds_since(begin) / kCalls);
  }
  return best;
}

void BM_counted_step(benchmark::State& state) {
  const Problem problem(state.range(0));
  problem.step();
  double plain = std::numeric_limits<double>::infinity(), counted = plain;
  std::int64_t allocations = 0;
  for (auto _ : state) {
    auto begin = Clock::now();
    problem.step();
    plain = std::min(plain, seconds_since(begin));
    lldm::MemoryManager memory;
    memory.install();
    problem.step();  // the blocks that it keeps are made
    const auto made = [&] { return memory.report().find(lldm::MemoryDevice::cpu)->allocations; };
    const std::int64_t before = made();
    begin = Clock::now();
    problem.step();
    const double seconds = seconds_since(begin);
    counted = std::min(counted, seconds);
    state.SetIterationTime(seconds);
    allocations = made() - before;
  }
  if (allocations < 10) throw std::logic_error("counted_step_bench: nothing was counted");
  const double alone = allocation_seconds();
  lldm::MemoryManager memory;
  memory.install();
  const double with_count = allocation_seconds();
  state.counters["plain_ms"] = 1e3 * plain;
  state.counters["installed_ms"] = 1e3 * counted;
  state.counters["allocations"] = static_cast<double>(allocations);
  state.counters["counting_ns"] = 1e9 * (with_count - alone);
  state.counters["counting_percent"] =
      100 * static_cast<double>(allocations) * (with_count - alone) / plain;
}
BENCHMARK(BM_counted_step)
    ->ArgName("D")
    ->Arg(64)
    ->Arg(128)
    ->Arg(256)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
