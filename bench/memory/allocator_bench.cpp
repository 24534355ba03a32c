// SPDX-License-Identifier: MIT
// What counting costs: an allocation and its free, and a small product, with and without the
// manager.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <benchmark/benchmark.h>

#include <optional>
#include <stdexcept>

#include "lldm/memory/manager.hpp"

namespace {

class Manager {
 public:
  explicit Manager(bool is_counted) {
    if (is_counted) memory_.emplace().install();
  }
  /// Asserts that the count is what the benchmark holds.
  void check(std::int64_t live_bytes) const {
    if (memory_ &&
        memory_->report().find(lldm::MemoryDevice::cpu)->total.current_bytes != live_bytes)
      throw std::logic_error("allocator_bench: the manager's count is wrong");
  }

 private:
  std::optional<lldm::MemoryManager> memory_;
};

void BM_empty(benchmark::State& state) {
  const Manager manager(state.range(0) != 0);
  const lldm::PurposeScope scope(lldm::MemoryPurpose::activations);
  const auto options = at::TensorOptions().dtype(at::kByte);
  for (auto _ : state) benchmark::DoNotOptimize(at::empty({state.range(1)}, options));
  manager.check(0);
}
BENCHMARK(BM_empty)->ArgNames({"counted", "bytes"})->ArgsProduct({{0, 1}, {256, 65536, 16 << 20}});

void BM_product(benchmark::State& state) {
  const Manager manager(state.range(0) != 0);
  const std::int64_t n = state.range(1);
  const at::Tensor a = at::ones({n, n});
  for (auto _ : state) benchmark::DoNotOptimize(at::mm(a, a));
  manager.check(n * n * 4);
}
BENCHMARK(BM_product)->ArgNames({"counted", "N"})->ArgsProduct({{0, 1}, {8, 64, 256}});

void BM_purpose_scope(benchmark::State& state) {
  for (auto _ : state) {
    const lldm::PurposeScope scope(lldm::MemoryPurpose::logits);
    benchmark::DoNotOptimize(lldm::PurposeScope::current());
  }
}
BENCHMARK(BM_purpose_scope);

}  // namespace
