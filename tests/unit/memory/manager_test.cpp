// SPDX-License-Identifier: MIT
#include "lldm/memory/manager.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <c10/core/CPUAllocator.h>

#include <future>
#include <optional>
#include <thread>

#include "lldm/errors.hpp"
#include "memory/block_cache.hpp"
#include "support/catch.hpp"

using lldm::MemoryDevice;
using lldm::MemoryManager;
using lldm::MemoryPurpose;
using lldm::PurposeScope;

namespace {

constexpr auto kCpu = MemoryDevice::cpu;
constexpr std::int64_t kKiB = 1024;

at::Tensor bytes(std::int64_t count) {
  return at::empty({count}, at::TensorOptions().dtype(at::kByte));
}

std::int64_t now(const MemoryManager& memory, MemoryPurpose purpose) {
  return memory.report().find(kCpu)->of(purpose).current_bytes;
}

std::int64_t peak(const MemoryManager& memory, MemoryPurpose purpose) {
  return memory.report().find(kCpu)->of(purpose).peak_bytes;
}

}  // namespace

TEST_CASE("MemoryManager counts current and peak bytes by purpose, and returns to zero",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  {
    std::optional<at::Tensor> weights;
    {
      const PurposeScope scope(MemoryPurpose::weights);
      weights = bytes(1000);
      const at::Tensor temporary = bytes(500);
    }
    const PurposeScope scope(MemoryPurpose::activations);
    const at::Tensor held = bytes(64);
    CHECK(now(memory, MemoryPurpose::weights) == 1000);
    CHECK(peak(memory, MemoryPurpose::weights) == 1500);
    CHECK(now(memory, MemoryPurpose::activations) == 64);
    CHECK(memory.report().find(kCpu)->total.current_bytes == 1064);
    CHECK(memory.report().find(kCpu)->allocations == 3);
    weights.reset();  // freed under another scope than its own
    CHECK(now(memory, MemoryPurpose::weights) == 0);
    memory.reset_peaks();
    CHECK(peak(memory, MemoryPurpose::weights) == 0);
    CHECK(peak(memory, MemoryPurpose::activations) == 64);
  }
  CHECK(memory.report().find(kCpu)->total.current_bytes == 0);
  CHECK(memory.report().find(kCpu)->total.peak_bytes == 64);
}

TEST_CASE("MemoryManager counts the temporaries of LibTorch's operators and growing storages",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  const PurposeScope scope(MemoryPurpose::workspace);
  at::Tensor product = at::mm(at::ones({16, 16}), at::ones({16, 16}));
  CHECK(now(memory, MemoryPurpose::workspace) == 16 * 16 * 4);
  CHECK(peak(memory, MemoryPurpose::workspace) >= 3 * 16 * 16 * 4);
  product.resize_({32, 32});
  CHECK(now(memory, MemoryPurpose::workspace) == 32 * 32 * 4);
  CHECK(product[0][0].item<float>() == 16.0f);
}

TEST_CASE("PurposeScope nests and restores", "[memory]") {
  CHECK(PurposeScope::current() == MemoryPurpose::unscoped);
  {
    const PurposeScope outer(MemoryPurpose::weights);
    {
      const PurposeScope inner(MemoryPurpose::logits);
      CHECK(PurposeScope::current() == MemoryPurpose::logits);
      const PurposeScope none(MemoryPurpose::unscoped);
      CHECK(PurposeScope::current() == MemoryPurpose::unscoped);
    }
    CHECK(PurposeScope::current() == MemoryPurpose::weights);
    CHECK(std::async(std::launch::async, [] { return PurposeScope::current(); }).get() ==
          MemoryPurpose::unscoped);
  }
  CHECK(PurposeScope::current() == MemoryPurpose::unscoped);
}

TEST_CASE("MemoryManager counts allocations of many threads exactly", "[memory]") {
  MemoryManager memory;
  memory.install();
  constexpr int kThreads = 4, kRounds = 2000;
  std::vector<at::Tensor> kept(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&kept, t] {
        const PurposeScope scope(t % 2 ? MemoryPurpose::staging : MemoryPurpose::logits);
        for (int i = 0; i < kRounds; ++i) kept[static_cast<std::size_t>(t)] = bytes(100 + i % 7);
      });
  }
  const auto use = *memory.report().find(kCpu);
  std::int64_t expected = 0;
  for (const at::Tensor& tensor : kept) expected += tensor.numel();
  CHECK(use.total.current_bytes == expected);
  CHECK(use.allocations == kThreads * kRounds);
  CHECK(use.of(MemoryPurpose::staging).current_bytes +
            use.of(MemoryPurpose::logits).current_bytes ==
        expected);
  kept.clear();
  CHECK(memory.report().find(kCpu)->total.current_bytes == 0);
}

TEST_CASE("MemoryManager accounts what backward allocates to the scope that called it",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  at::Tensor weight;
  {
    const PurposeScope scope(MemoryPurpose::weights);
    weight = at::ones({32, 32});
  }
  weight.requires_grad_(true);
  at::Tensor loss;
  {
    const PurposeScope scope(MemoryPurpose::activations);
    loss = at::mm(weight, weight).sum();
  }
  CHECK(now(memory, MemoryPurpose::gradients) == 0);
  {
    const PurposeScope scope(MemoryPurpose::gradients);
    loss.backward();
  }
  CHECK(now(memory, MemoryPurpose::gradients) == 32 * 32 * 4);
  CHECK(peak(memory, MemoryPurpose::gradients) >= 2 * 32 * 32 * 4);
  weight.mutable_grad().reset();
  CHECK(now(memory, MemoryPurpose::gradients) == 0);
}

TEST_CASE("MemoryManager::Watch sees the peak of its own stretch", "[memory]") {
  MemoryManager memory;
  memory.install();
  const at::Tensor before = bytes(4 * kKiB);
  {
    const at::Tensor earlier = bytes(100 * kKiB);
  }
  const MemoryManager::Watch outer(memory);
  {
    const PurposeScope scope(MemoryPurpose::logits);
    const at::Tensor held = bytes(10 * kKiB);
    const MemoryManager::Watch inner(memory);
    {
      const at::Tensor more = bytes(2 * kKiB);
    }
    CHECK(inner.growth_bytes(kCpu) == 2 * kKiB);
    CHECK(inner.peak_bytes(kCpu) == 16 * kKiB);
    CHECK(inner.peak_bytes(kCpu, MemoryPurpose::logits) == 12 * kKiB);
    memory.reset_peaks();  // leaves watches alone
  }
  CHECK(outer.growth_bytes(kCpu) == 12 * kKiB);
  CHECK(outer.peak_bytes(kCpu, MemoryPurpose::weights) == 0);
  CHECK(memory.report().find(kCpu)->total.peak_bytes == 14 * kKiB);
}

TEST_CASE("MemoryManager::Watch refuses an eighth", "[memory]") {
  MemoryManager memory;
  std::vector<std::unique_ptr<MemoryManager::Watch>> watches;
  for (int i = 0; i < 7; ++i) watches.push_back(std::make_unique<MemoryManager::Watch>(memory));
  CHECK_THROWS_AS(MemoryManager::Watch(memory), lldm::Error);
  watches.pop_back();
  CHECK_NOTHROW(MemoryManager::Watch(memory));
}

TEST_CASE("MemoryManager that is not installed counts nothing and says so", "[memory]") {
  const MemoryManager memory;
  const MemoryManager::Watch watch(memory);
  const at::Tensor tensor = bytes(kKiB);
  CHECK_FALSE(memory.is_installed());
  CHECK_FALSE(memory.report().is_installed);
  CHECK(memory.report().find(kCpu)->total.peak_bytes == 0);
  CHECK(watch.peak_bytes(kCpu) == 0);
  CHECK(memory.report().text() == "memory: not counted (the memory manager is not installed)\n");
}

TEST_CASE("MemoryManager gives LibTorch its allocator back while tensors live on", "[memory]") {
  c10::Allocator* const before = c10::GetCPUAllocator();
  at::Tensor survivor;
  {
    MemoryManager memory;
    memory.install();
    CHECK(c10::GetCPUAllocator() != before);
    survivor = at::ones({100});
  }
  CHECK(c10::GetCPUAllocator() == before);
  survivor.resize_({10000});  // its storage still asks the decorator
  CHECK(survivor[99].item<float>() == 1.0f);
  CHECK(survivor.clone()[5].item<float>() == 1.0f);
  MemoryManager second;
  second.install();
  survivor = at::Tensor();  // counted nowhere, freed safely
  CHECK(second.report().find(kCpu)->total.current_bytes == 0);
}

TEST_CASE("MemoryManager installs once per process", "[memory]") {
  MemoryManager first, second;
  first.install();
  CHECK_THROWS_AS(first.install(), lldm::Error);
  CHECK_THROWS_AS(second.install(), lldm::Error);
  const at::Tensor tensor = bytes(10);
  CHECK(first.report().find(kCpu)->total.current_bytes == 10);
}

TEST_CASE("MemoryManager keeps data aligned and simple, as LibTorch's own allocator does",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  c10::Allocator* allocator = c10::GetCPUAllocator();
  for (const std::size_t size : {1u, 63u, 64u, 4097u}) {
    const c10::DataPtr block = allocator->allocate(size);
    CHECK(reinterpret_cast<std::uintptr_t>(block.get()) % 64 == 0);
    CHECK(block.get() == block.get_context());
    CHECK(allocator->is_simple_data_ptr(block));
  }
  void* raw = allocator->raw_allocate(128);
  CHECK(memory.report().find(kCpu)->total.current_bytes == 128);
  allocator->raw_deallocate(raw);
  CHECK(memory.report().find(kCpu)->total.current_bytes == 0);
  CHECK(at::empty({0}).numel() == 0);
}

TEST_CASE("MemoryReport prints one line per used purpose, with units", "[memory]") {
  MemoryManager memory;
  memory.install();
  memory.set_budget(kCpu, {2LL << 30});
  const PurposeScope scope(MemoryPurpose::optimizer);
  const at::Tensor tensor = bytes(1536);
  lldm::MemoryReport report = memory.report();
  report.devices.resize(1);  // a GPU's table would follow
  CHECK(report.text() ==
        "  cpu                    now        peak      budget\n"
        "  optimizer         1.50 KiB    1.50 KiB           -\n"
        "  all               1.50 KiB    1.50 KiB    2.00 GiB\n");
}

#ifndef __SANITIZE_ADDRESS__
TEST_CASE("MemoryManager keeps large blocks between uses, and gives them back at its end",
          "[memory]") {
  auto& cache = lldm::memory::BlockCache::instance();
  {
    MemoryManager memory;
    memory.install();
    const void* first = bytes(5 << 20).data_ptr();
    const at::Tensor again = bytes(5 << 20);
    CHECK(again.data_ptr() == first);
    CHECK(cache.use().live_bytes > 0);
  }
  CHECK(cache.use().idle_bytes == 0);
}
#endif
