// SPDX-License-Identifier: MIT
#include "memory/reclaim.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "memory/block_cache.hpp"
#include "memory/cuda_library.hpp"

namespace lldm::memory {
namespace {

struct Hook {
  ReclaimStep step;
  ReclaimHook give_up;
};

// LibTorch's allocators are process-wide, and so is what can be given back to them.
struct Hooks {
  std::mutex mutex;
  std::map<std::uint64_t, Hook> all;
  std::uint64_t next = 1;
};
Hooks& hooks() {
  static auto* one = new Hooks;  // for ever: a model may outlive everything
  return *one;
}
std::atomic<std::uint32_t> asked{0};  // bit p: purpose p
// Purposes for which kept blocks were given back.  They are of none, so that giving them back again
// at every step would cost their pages and bring the purpose no lower.
std::atomic<std::uint32_t> trimmed{0};

constexpr std::uint32_t bit(MemoryPurpose purpose) {
  return std::uint32_t{1} << static_cast<unsigned>(purpose);
}

/// The purposes that a step is taken for.
constexpr std::uint32_t served_by(ReclaimStep step) {
  switch (step) {
    case ReclaimStep::look_ahead:
      return bit(MemoryPurpose::weights) | bit(MemoryPurpose::staging);
    case ReclaimStep::logits_chunk:
      return bit(MemoryPurpose::logits);
    case ReclaimStep::kept_blocks:
      return ~std::uint32_t{0};
  }
  return 0;
}

std::int64_t give_up_kept_blocks() {
  std::int64_t bytes = BlockCache::instance().trim();
  if (const CudaFunctions* cuda = loaded_cuda_functions(); cuda && is_cuda_counted()) {
    const std::int64_t before = cuda->memory().reserved_bytes;
    cuda->empty_cache();
    bytes += before - cuda->memory().reserved_bytes;
  }
  return bytes;
}

std::vector<Reclaimed> reclaim(std::uint32_t purposes, std::uint32_t trimming) {
  std::vector<Reclaimed> given;
  for (std::size_t s = 0; s < kReclaimStepNames.size(); ++s) {
    const auto step = static_cast<ReclaimStep>(s);
    const std::uint32_t wanting = step == ReclaimStep::kept_blocks ? trimming : purposes;
    if ((served_by(step) & wanting) == 0) continue;
    std::vector<ReclaimHook> own;
    {  // a hook may register or remove others
      const std::scoped_lock lock(hooks().mutex);
      for (const auto& [number, hook] : hooks().all)
        if (hook.step == step) own.push_back(hook.give_up);
    }
    std::int64_t bytes = step == ReclaimStep::kept_blocks ? give_up_kept_blocks() : 0;
    for (const ReclaimHook& give_up : own) bytes += give_up();
    if (bytes > 0) given.push_back({step, bytes});
  }
  return given;
}

}  // namespace

ReclaimRegistration::ReclaimRegistration(ReclaimStep step, ReclaimHook hook) {
  const std::scoped_lock lock(hooks().mutex);
  number_ = hooks().next++;
  hooks().all.emplace(number_, Hook{step, std::move(hook)});
}

ReclaimRegistration::~ReclaimRegistration() {
  const std::scoped_lock lock(hooks().mutex);
  hooks().all.erase(number_);
}

std::vector<Reclaimed> reclaim_all() {
  asked.store(0, std::memory_order_relaxed);
  return reclaim(~std::uint32_t{0}, ~std::uint32_t{0});
}

std::vector<Reclaimed> reclaim_kept() {
  return reclaim(bit(MemoryPurpose::weights) | bit(MemoryPurpose::staging), ~std::uint32_t{0});
}

void ask_to_reclaim(MemoryPurpose purpose) noexcept {
  asked.fetch_or(bit(purpose), std::memory_order_relaxed);
}

void renew_reclaim(MemoryPurpose purpose) noexcept {
  trimmed.fetch_and(~bit(purpose), std::memory_order_relaxed);
}

std::vector<Reclaimed> reclaim_asked() {
  if (asked.load(std::memory_order_relaxed) == 0) return {};
  const std::uint32_t purposes = asked.exchange(0, std::memory_order_relaxed);
  return reclaim(purposes, purposes & ~trimmed.fetch_or(purposes, std::memory_order_relaxed));
}

}  // namespace lldm::memory
