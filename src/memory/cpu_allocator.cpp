// SPDX-License-Identifier: MIT
#include "memory/cpu_allocator.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstddef>
#include <new>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "memory/block_cache.hpp"
#include "memory/ledger.hpp"

namespace lldm::memory {
namespace {

// AddressSanitizer has to see where a block ends.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kHasCache = false;
#else
constexpr bool kHasCache = true;
#endif

/// In front of every counted block: all that its free needs, so that a block outlives the manager.
/// The data behind it keeps LibTorch's alignment of 64 bytes, and its context is its address (a
/// "simple" DataPtr), which raw_allocate and clone rely on.
struct alignas(64) Header {
  void* base_context;
  c10::DeleterFnPtr base_deleter;  // null: the block is the cache's
  Ledger* ledger;
  std::int64_t bytes;
  MemoryPurpose purpose;
};
static_assert(sizeof(Header) == 64 && sizeof(Header) % c10::gAlignment == 0);

void free_block(void* data) {
  if (data == nullptr) return;
  const Header* header = static_cast<Header*>(data) - 1;
  header->ledger->remove(MemoryDevice::cpu, header->purpose, header->bytes);
  if (header->base_deleter == nullptr)
    BlockCache::instance().give_back(header->base_context,
                                     static_cast<std::size_t>(header->bytes) + sizeof(Header));
  else
    header->base_deleter(header->base_context);
}

/// Forwards to the allocator it decorates.  Lives for ever: storages keep a pointer to the
/// allocator that made them, and use it when they grow.
class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator* base) : base_(base) {}

  c10::DataPtr allocate(std::size_t bytes) override {
    Ledger* ledger = ledger_.load(std::memory_order_acquire);
    // A null data pointer must have been made by our deleter too: raw_deleter() promises one for
    // all.
    if (bytes == 0) return {nullptr, nullptr, &free_block, c10::Device(c10::DeviceType::CPU)};
    const MemoryPurpose purpose = PurposeScope::current();
    const auto counted = static_cast<std::int64_t>(bytes);
    if (ledger == nullptr) ledger = &uncounted_;  // a storage of ours that grows after uninstall
    ledger->add(MemoryDevice::cpu, purpose, counted);
    Header* header = nullptr;
    try {
      header = block_of(bytes + sizeof(Header));
    } catch (const std::bad_alloc&) {
      ledger->remove(MemoryDevice::cpu, purpose, counted);
      ledger->refuse(MemoryDevice::cpu, purpose, counted, "the system has no block of that size");
    } catch (...) {
      ledger->remove(MemoryDevice::cpu, purpose, counted);
      throw;
    }
    header->ledger = ledger;
    header->bytes = counted;
    header->purpose = purpose;
    return {header + 1, header + 1, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  c10::Allocator* base() const { return base_; }
  bool attach(Ledger* ledger) {
    Ledger* none = nullptr;
    return ledger_.compare_exchange_strong(none, ledger, std::memory_order_acq_rel);
  }
  void detach() noexcept { ledger_.store(nullptr, std::memory_order_release); }

 private:
  /// Says in the header who has to be given it back.
  /// Errors  std::bad_alloc if the system has none.
  Header* block_of(std::size_t bytes) {
    if (kHasCache && BlockCache::takes(bytes)) {
      void* block = BlockCache::instance().take(bytes);
      return new (block) Header{block, nullptr, nullptr, 0, MemoryPurpose::unscoped};
    }
    c10::DataPtr block;
    try {
      block = base_->allocate(bytes);
    } catch (const c10::Error&) {
      throw std::bad_alloc();
    }
    const c10::DeleterFnPtr deleter = block.get_deleter();
    void* data = block.get();
    return new (data) Header{block.release_context(), deleter, nullptr, 0, MemoryPurpose::unscoped};
  }

  c10::Allocator* base_;
  std::atomic<Ledger*> ledger_{nullptr};
  Ledger uncounted_;
};

std::atomic<CountingAllocator*> installed{nullptr};

}  // namespace

void install_cpu_allocator(Ledger& ledger) {
  CountingAllocator* decorator = installed.load(std::memory_order_acquire);
  c10::Allocator* present = c10::GetCPUAllocator();
  if (decorator == nullptr || (present != decorator && present != decorator->base())) {
    if (decorator != nullptr && present != decorator) decorator->detach();
    decorator = new CountingAllocator(present);  // for ever, see the class
    installed.store(decorator, std::memory_order_release);
  }
  if (!decorator->attach(&ledger))
    throw Error(
        "MemoryManager::install: another MemoryManager is installed in this process\n"
        "  LibTorch's allocators are process-wide: pass the first one on, or destroy it before");
  c10::SetCPUAllocator(decorator, 255);
}

void uninstall_cpu_allocator() noexcept {
  CountingAllocator* decorator = installed.load(std::memory_order_acquire);
  if (decorator == nullptr) return;
  decorator->detach();
  if (c10::GetCPUAllocator() == decorator) c10::SetCPUAllocator(decorator->base(), 255);
  if (kHasCache) BlockCache::instance().trim();
}

}  // namespace lldm::memory
