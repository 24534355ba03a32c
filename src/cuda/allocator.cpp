// SPDX-License-Identifier: MIT
// Decorates LibTorch 2.11's CUDA caching allocator: budgets are asked before an allocation, bytes
// are counted from its trace.  Every virtual is forwarded; several have throwing or empty defaults,
// so the compiler does not report a missed one: compare with the header when LibTorch's version
// changes.
#include "cuda/allocator.hpp"

#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include <utility>

#include "lldm/memory/purpose.hpp"
#include "memory/block_table.hpp"
#include "memory/device_trouble.hpp"
#include "memory/ledger.hpp"

namespace lldm::cuda {
namespace {

namespace native = c10::cuda::CUDACachingAllocator;
using c10::DeviceIndex;
using c10::MempoolId_t;
using memory::Ledger;

class BudgetedAllocator final : public native::CUDAAllocator {
 public:
  explicit BudgetedAllocator(native::CUDAAllocator* base)
      : base_(base), table_(MemoryDevice::cuda) {
    // The native `allocate` hands out a deleter that frees without passing any decorator, and its
    // recordStream ignores blocks with another deleter: frees are seen through the trace instead.
    base_->attachAllocatorTraceTracker([this](const native::TraceEntry& entry) { trace(entry); });
  }
  void count_in(Ledger* ledger) {
    ledger_ = ledger;
    table_.count_in(ledger);
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    return budgeted(bytes, [&] { return base_->allocate(bytes); });
  }
  void* raw_alloc(std::size_t bytes) override {
    return budgeted(bytes, [&] { return base_->raw_alloc(bytes); });
  }
  void* raw_alloc_with_stream(std::size_t bytes, cudaStream_t stream) override {
    return budgeted(bytes, [&] { return base_->raw_alloc_with_stream(bytes, stream); });
  }

  // From here on everything is the native allocator's.
  c10::DeleterFnPtr raw_deleter() const override { return base_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    base_->copy_data(to, from, count);
  }
  bool is_simple_data_ptr(const c10::DataPtr& ptr) const override {
    return base_->is_simple_data_ptr(ptr);
  }
  bool initialized() override { return base_->initialized(); }
  void emptyCache(MempoolId_t pool) override { base_->emptyCache(pool); }
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(DeviceIndex d) override {
    return base_->getDeviceStats(d);
  }
  void resetAccumulatedStats(DeviceIndex d) override { base_->resetAccumulatedStats(d); }
  void resetPeakStats(DeviceIndex d) override { base_->resetPeakStats(d); }
  std::pair<std::size_t, std::size_t> getMemoryInfo(DeviceIndex d) override {
    return base_->getMemoryInfo(d);
  }
  void raw_delete(void* ptr) override { base_->raw_delete(ptr); }
  void init(int count) override { base_->init(count); }
  double getMemoryFraction(DeviceIndex d) override { return base_->getMemoryFraction(d); }
  void setMemoryFraction(double fraction, DeviceIndex d) override {
    base_->setMemoryFraction(fraction, d);
  }
  std::vector<native::StreamSegmentSize> getExpandableSegmentSizes(DeviceIndex d) override {
    return base_->getExpandableSegmentSizes(d);
  }
  void enable(bool value) override { base_->enable(value); }
  bool isEnabled() const override { return base_->isEnabled(); }
  void cacheInfo(DeviceIndex d, std::size_t* largest) override { base_->cacheInfo(d, largest); }
  void* getBaseAllocation(void* ptr, std::size_t* size) override {
    return base_->getBaseAllocation(ptr, size);
  }
  void recordStream(const c10::DataPtr& ptr, c10::cuda::CUDAStream stream) override {
    base_->recordStream(ptr, stream);
  }
  void recordStream(const c10::DataPtr& ptr, c10::Stream stream) override {
    base_->recordStream(ptr, stream);
  }
  native::SnapshotInfo snapshot(MempoolId_t pool, bool traces) override {
    return base_->snapshot(pool, traces);
  }
  void beginAllocateToPool(DeviceIndex d, MempoolId_t pool,
                           std::function<bool(cudaStream_t)> filter) override {
    base_->beginAllocateToPool(d, pool, std::move(filter));
  }
  void endAllocateToPool(DeviceIndex d, MempoolId_t pool) override {
    base_->endAllocateToPool(d, pool);
  }
  void releasePool(DeviceIndex d, MempoolId_t pool) override { base_->releasePool(d, pool); }
  int getPoolUseCount(DeviceIndex d, MempoolId_t pool) override {
    return base_->getPoolUseCount(d, pool);
  }
  void createOrIncrefPool(DeviceIndex d, MempoolId_t pool,
                          std::shared_ptr<CUDAAllocator> own) override {
    base_->createOrIncrefPool(d, pool, std::move(own));
  }
  void setUseOnOOM(DeviceIndex d, MempoolId_t pool, bool use) override {
    base_->setUseOnOOM(d, pool, use);
  }
  void setNoSplit(DeviceIndex d, MempoolId_t pool) override { base_->setNoSplit(d, pool); }
  bool checkPoolLiveAllocations(DeviceIndex d, MempoolId_t pool,
                                const std::unordered_set<void*>& live) override {
    return base_->checkPoolLiveAllocations(d, pool, live);
  }
  native::ShareableHandle shareIpcHandle(void* ptr) override { return base_->shareIpcHandle(ptr); }
  std::shared_ptr<void> getIpcDevPtr(std::string handle) override {
    return base_->getIpcDevPtr(std::move(handle));
  }
  bool isHistoryEnabled() override { return base_->isHistoryEnabled(); }
  void recordHistory(bool on, native::CreateContextFn context, std::size_t entries,
                     native::RecordContext when, bool clear,
                     const std::vector<std::string>& skip) override {
    base_->recordHistory(on, context, entries, when, clear, skip);
  }
  void recordAnnotation(const std::vector<std::pair<std::string, std::string>>& text) override {
    base_->recordAnnotation(text);
  }
  void pushCompileContext(std::string& text) override { base_->pushCompileContext(text); }
  void popCompileContext() override { base_->popCompileContext(); }
  void setUserMetadata(const std::string& text) override { base_->setUserMetadata(text); }
  std::string getUserMetadata() override { return base_->getUserMetadata(); }
  void attachOutOfMemoryObserver(native::OutOfMemoryObserver observer) override {
    base_->attachOutOfMemoryObserver(std::move(observer));
  }
  void attachAllocatorTraceTracker(native::AllocatorTraceTracker tracker) override {
    base_->attachAllocatorTraceTracker(std::move(tracker));
  }
  void enablePeerAccess(DeviceIndex d, DeviceIndex to) override { base_->enablePeerAccess(d, to); }
  cudaError_t memcpyAsync(void* to, int to_device, const void* from, int from_device,
                          std::size_t count, cudaStream_t stream, bool p2p) override {
    return base_->memcpyAsync(to, to_device, from, from_device, count, stream, p2p);
  }
  std::shared_ptr<native::AllocatorState> getCheckpointState(DeviceIndex d,
                                                             MempoolId_t pool) override {
    return base_->getCheckpointState(d, pool);
  }
  native::CheckpointDelta setCheckpointPoolState(
      DeviceIndex d, std::shared_ptr<native::AllocatorState> s) override {
    return base_->setCheckpointPoolState(d, std::move(s));
  }
  std::string name() override { return base_->name(); }

 private:
  template <class Allocate>
  auto budgeted(std::size_t bytes, Allocate allocate) -> decltype(allocate()) {
    Ledger* ledger = ledger_.load();
    if (ledger == nullptr) return allocate();
    const MemoryPurpose purpose = PurposeScope::current();
    ledger->require_room(MemoryDevice::cuda, purpose, static_cast<std::int64_t>(bytes));
    try {
      return allocate();
    } catch (const c10::OutOfMemoryError&) {
      ledger->refuse(MemoryDevice::cuda, purpose, static_cast<std::int64_t>(bytes),
                     memory::full_device(memory_now()).c_str());
    }
  }

  /// Free and total bytes of the current device, and what the native allocator holds of it.
  [[nodiscard]] memory::CudaMemory memory_now() const {
    constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const DeviceIndex device = c10::cuda::current_device();
    const auto [free, total] = base_->getMemoryInfo(device);
    memory::CudaMemory now;
    now.reserved_bytes = base_->getDeviceStats(device).reserved_bytes[kAll].current;
    now.free_bytes = static_cast<std::int64_t>(free);
    now.total_bytes = static_cast<std::int64_t>(total);
    return now;
  }

  /// Runs under the native allocator's lock, on the thread that allocates or frees.
  void trace(const native::TraceEntry& entry) {
    if (entry.action_ == native::TraceEntry::ALLOC)
      table_.allocated(entry.addr_, static_cast<std::int64_t>(entry.size_),
                       PurposeScope::current());
    else if (entry.action_ == native::TraceEntry::FREE_COMPLETED)
      table_.freed(entry.addr_);
  }

  native::CUDAAllocator* base_;
  std::atomic<Ledger*> ledger_{nullptr};
  memory::BlockTable table_;
};

}  // namespace

void count_in(Ledger* ledger) {
  static BudgetedAllocator* decorator = nullptr;  // for ever: LibTorch keeps pointers to it
  if (decorator == nullptr) {
    if (ledger == nullptr) return;
    at::globalContext().lazyInitDevice(
        c10::DeviceType::CUDA);  // a tracker reaches existing devices only
    decorator = new BudgetedAllocator(native::get());
    native::allocator.store(decorator);
    c10::SetAllocator(c10::DeviceType::CUDA, decorator, 255);
  }
  decorator->count_in(ledger);
}

}  // namespace lldm::cuda
