// SPDX-License-Identifier: MIT
#include "lldm/memory/manager.hpp"

#include <atomic>

#include "lldm/errors.hpp"
#include "memory/cpu_allocator.hpp"
#include "memory/cuda_library.hpp"
#include "memory/device_trouble.hpp"
#include "memory/ledger.hpp"
#include "memory/reclaim.hpp"

namespace lldm {
namespace {

std::atomic<memory::Ledger*> all_ledgers{nullptr};  // reachable for ever, see Ledger::next

memory::Ledger* make_ledger() {
  auto* ledger = new memory::Ledger;
  ledger->next = all_ledgers.load();
  while (!all_ledgers.compare_exchange_weak(ledger->next, ledger)) {
  }
  return ledger;
}

}  // namespace

MemoryManager::MemoryManager() : ledger_(make_ledger()) {}

MemoryManager::~MemoryManager() {
  if (!is_installed_) return;
  memory::count_cuda_in(nullptr);
  memory::uninstall_cpu_allocator();
}

void MemoryManager::install() {
  if (is_installed_) throw Error("MemoryManager::install: this manager is installed already");
  memory::install_cpu_allocator(*ledger_);
  memory::count_cuda_in(ledger_);
  is_installed_ = true;
}

void MemoryManager::set_budget(MemoryDevice device, ByteSize budget, ByteSize context) {
  ledger_->set_budget(device, memory::Ledger::kTotal, budget.bytes);
  if (const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
      cuda && device == MemoryDevice::cuda && memory::is_cuda_counted())
    cuda->limit_memory(memory::reservable(budget.bytes, context.bytes, cuda->memory()));
}

void MemoryManager::set_budget(MemoryDevice device, MemoryPurpose purpose, ByteSize budget) {
  ledger_->set_budget(device, static_cast<std::size_t>(purpose), budget.bytes);
  memory::renew_reclaim(purpose);
}

MemoryReport MemoryManager::report() const {
  MemoryReport report;
  report.is_installed = is_installed_;
  report.devices.push_back(ledger_->read(MemoryDevice::cpu));
  if (memory::is_cuda_counted()) {
    report.devices.push_back(ledger_->read(MemoryDevice::cuda));
    const memory::CudaMemory now = memory::loaded_cuda_functions()->memory();
    report.devices.back().reserved_bytes = now.reserved_bytes;
    report.devices.back().outside_bytes = memory::outside(now);
    report.devices.back().pinned_bytes = now.pinned_bytes;
  }
  return report;
}

void MemoryManager::reset_peaks() { ledger_->restart_window(0); }

MemoryManager::Watch::Watch(const MemoryManager& manager)
    : ledger_(&manager.ledger()), window_(ledger_->open_window()) {
  for (std::size_t d = 0; d < start_.size(); ++d)
    start_[d] = ledger_->current(static_cast<MemoryDevice>(d), memory::Ledger::kTotal);
}

MemoryManager::Watch::~Watch() { ledger_->close_window(window_); }

std::int64_t MemoryManager::Watch::peak_bytes(MemoryDevice device) const {
  return ledger_->peak(window_, device, memory::Ledger::kTotal);
}

std::int64_t MemoryManager::Watch::peak_bytes(MemoryDevice device, MemoryPurpose purpose) const {
  return ledger_->peak(window_, device, static_cast<std::size_t>(purpose));
}

std::int64_t MemoryManager::Watch::growth_bytes(MemoryDevice device) const {
  return peak_bytes(device) - start_[static_cast<std::size_t>(device)];
}

}  // namespace lldm
