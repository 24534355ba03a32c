// SPDX-License-Identifier: MIT
// Bytes of tensors as the memory manager counts them, and what it refuses.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "memory/reclaim.hpp"

namespace lldm::gpu_check {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

std::int64_t live(const Bench& bench, MemoryPurpose purpose) {
  return bench.memory->report().find(bench.ledger())->of(purpose).current_bytes;
}

void count(const Bench& bench, Report& report, const at::TensorOptions& bytes) {
  const std::int64_t before = live(bench, MemoryPurpose::weights);
  {
    const PurposeScope scope(MemoryPurpose::weights);
    const at::Tensor a = at::empty({1000}, bytes), b = at::empty({3 * kMiB}, bytes);
    report.require("bytes asked for are counted",
                   live(bench, MemoryPurpose::weights) - before == 1000 + 3 * kMiB,
                   {{"counted", live(bench, MemoryPurpose::weights) - before}});
  }
  report.require("a free is counted", live(bench, MemoryPurpose::weights) == before);
}

void refuse(const Bench& bench, Report& report, const at::TensorOptions& bytes) {
  const std::int64_t used = bench.memory->report().find(bench.ledger())->total.current_bytes;
  bench.memory->set_budget(bench.ledger(), {used + 8 * kMiB});
  std::string text;
  try {
    (void)at::empty({9 * kMiB}, bytes);
  } catch (const OutOfMemory& error) {
    text = error.what();
  }
  report.require("what passes the budget is refused", !text.empty(), {{"text", text}});
  report.attempt("what fits is given after a refusal", [&] {
    report.require("what fits is given after a refusal", at::empty({4 * kMiB}, bytes).defined());
  });
  bench.memory->set_budget(bench.ledger(), {0});
}

/// Passing a purpose's budget is counted; nothing is refused.
void count_passed(const Bench& bench, Report& report, const at::TensorOptions& bytes) {
  const auto passed = [&] {
    return bench.memory->report()
        .find(bench.ledger())
        ->times_passed[static_cast<std::size_t>(MemoryPurpose::logits)];
  };
  const std::int64_t before = passed();
  bench.memory->set_budget(bench.ledger(), MemoryPurpose::logits, {kMiB});
  {
    const PurposeScope scope(MemoryPurpose::logits);
    (void)at::empty({2 * kMiB}, bytes);
    (void)at::empty({3 * kMiB}, bytes);
  }
  bench.memory->set_budget(bench.ledger(), MemoryPurpose::logits, {0});
  report.require("a soft budget that is passed is counted", passed() - before == 2,
                 {{"times", passed() - before}});
  bool has_empty_cache = true;
  for (const memory::Reclaimed& given : memory::reclaim_asked())
    has_empty_cache = has_empty_cache && given.bytes > 0;
  report.require("what is kept for later can be given back", has_empty_cache);
}

/// Of tensors that backward makes on LibTorch's own threads.
void purposes_of_backward(const Bench& bench, Report& report) {
  const PurposeScope scope(MemoryPurpose::activations);
  const MemoryManager::Watch watch(*bench.memory);
  const std::int64_t before = watch.peak_bytes(bench.ledger(), MemoryPurpose::unscoped);
  auto x = at::ones({1024, 1024}, at::TensorOptions(at::kFloat).device(bench.at()));
  x.requires_grad_(true);
  (x * x).exp().sum().backward();
  bench.wait();
  report.require("backward books nothing `unscoped`",
                 watch.peak_bytes(bench.ledger(), MemoryPurpose::unscoped) == before,
                 {{"bytes", watch.peak_bytes(bench.ledger(), MemoryPurpose::unscoped) - before}});
}

void limit(const Bench& bench, Report& report, const at::TensorOptions& bytes) {
  const std::int64_t reserved = bench.cuda->memory().reserved_bytes,
                     total = bench.cuda->memory().total_bytes;
  bench.cuda->limit_memory(reserved + 512 * kMiB);
  std::string text;
  try {
    (void)at::empty({1024 * kMiB}, bytes);
  } catch (const OutOfMemory& error) {
    text = error.what();
  }
  report.require("what the device refuses is OutOfMemory", !text.empty(), {{"text", text}});
  bench.cuda->limit_memory(total);
  report.attempt("the limit is lifted", [&] {
    report.require("the limit is lifted", at::empty({1024 * kMiB}, bytes).defined());
  });
}

}  // namespace

void check_allocator(const Bench& bench, Report& report) {
  const auto bytes = at::TensorOptions(at::kByte).device(bench.at());
  report.require("the manager counts this device",
                 bench.memory->report().find(bench.ledger()) != nullptr);
  report.attempt("counting", [&] { count(bench, report, bytes); });
  report.attempt("refusing", [&] { refuse(bench, report, bytes); });
  report.attempt("soft budgets", [&] { count_passed(bench, report, bytes); });
  report.attempt("backward", [&] { purposes_of_backward(bench, report); });
  if (bench.cuda == nullptr)
    report.skip("a limit of the device's own allocator", "only a GPU has one");
  else
    report.attempt("limiting", [&] { limit(bench, report, bytes); });
}

}  // namespace lldm::gpu_check
