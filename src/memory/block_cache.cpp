// SPDX-License-Identifier: MIT
#include "memory/block_cache.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

namespace lldm::memory {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Fresh pages.  A mapping is made a huge page longer than needed, so that the block can begin on
/// one; what lies around it is given back.
void* map(std::size_t bytes) {
  const std::size_t spare = bytes >= kHugePage ? kHugePage : 0;
  void* raw =
      ::mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  if (spare == 0) return raw;
  const auto begin = reinterpret_cast<std::uintptr_t>(raw);
  const std::uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  if (first > begin) ::munmap(raw, first - begin);
  if (const std::size_t behind = begin + spare - first; behind > 0)
    ::munmap(reinterpret_cast<void*>(first + bytes), behind);
  auto* block = reinterpret_cast<void*>(first);
  ::madvise(block, bytes, MADV_HUGEPAGE);  // a wish: small pages do as well
  return block;
}

}  // namespace

BlockCache& BlockCache::instance() {
  static auto* cache = new BlockCache;
  return *cache;
}

std::size_t BlockCache::class_bytes(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(4096, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

void* BlockCache::take(std::size_t bytes) {
  const std::size_t size = class_bytes(bytes);
  const std::scoped_lock lock(mutex_);
  std::size_t given = size;
  void* block = take_idle(given);
  if (block == nullptr) {
    make_room(use_.live_bytes + static_cast<std::int64_t>(size));
    block = map(size);
    if (block == nullptr) {
      shrink_to(0);
      block = map(size);
    }
    if (block == nullptr) throw std::bad_alloc();
    ++use_.mapped;
  }
  use_.live_bytes += static_cast<std::int64_t>(given);
  most_live_ = std::max(most_live_, use_.live_bytes);
  return block;
}

void* BlockCache::take_idle(std::size_t& size) {
  const std::size_t most = size < kSmallBytes ? 2 * size : size + size / 4;
  for (auto at = idle_.lower_bound(size); at != idle_.end() && at->first <= most; ++at) {
    if (at->second.empty()) continue;
    void* block = at->second.back().block;
    if (at->first != size) larger_.emplace(block, at->first);
    at->second.pop_back();
    use_.idle_bytes -= static_cast<std::int64_t>(at->first);
    size = at->first;
    return block;
  }
  return nullptr;
}

void BlockCache::give_back(void* block, std::size_t bytes) noexcept {
  std::size_t size = class_bytes(bytes);
  const std::scoped_lock lock(mutex_);
  if (const auto found = larger_.find(block); found != larger_.end()) {
    size = found->second;
    larger_.erase(found);
  }
  use_.live_bytes -= static_cast<std::int64_t>(size);
  try {
    idle_[size].push_back({block, frees_++});
  } catch (...) {
    ::munmap(block, size);
    return;
  }
  use_.idle_bytes += static_cast<std::int64_t>(size);
  make_room(use_.live_bytes);
}

void BlockCache::make_room(std::int64_t live_bytes) noexcept {
  shrink_to(std::max(most_live_, live_bytes) + kSlackBytes - live_bytes);
}

void BlockCache::shrink_to(std::int64_t idle_bytes) noexcept {
  while (use_.idle_bytes > idle_bytes) {
    auto oldest = idle_.end();
    for (auto at = idle_.begin(); at != idle_.end(); ++at)
      if (!at->second.empty() &&
          (oldest == idle_.end() || at->second.front().since < oldest->second.front().since))
        oldest = at;
    if (oldest == idle_.end()) return;
    ::munmap(oldest->second.front().block, oldest->first);
    use_.idle_bytes -= static_cast<std::int64_t>(oldest->first);
    oldest->second.erase(oldest->second.begin());
  }
}

std::int64_t BlockCache::trim() noexcept {
  const std::scoped_lock lock(mutex_);
  const std::int64_t before = use_.idle_bytes;
  shrink_to(0);
  return before;
}

BlockCache::Use BlockCache::use() const {
  const std::scoped_lock lock(mutex_);
  return use_;
}

}  // namespace lldm::memory
