// SPDX-License-Identifier: MIT
#include "memory/block_table.hpp"

namespace lldm::memory {

void BlockTable::count_in(Ledger* ledger) {
  const std::scoped_lock lock(mutex_);
  ledger_ = ledger;
}

void BlockTable::allocated(std::uintptr_t address, std::int64_t bytes, MemoryPurpose purpose) {
  const std::scoped_lock lock(mutex_);
  forget(address);  // a block whose free was not seen
  if (ledger_ == nullptr) return;
  ledger_->count(device_, purpose, bytes);
  blocks_.emplace(address, Block{ledger_, bytes, purpose});
}

void BlockTable::freed(std::uintptr_t address) noexcept {
  const std::scoped_lock lock(mutex_);
  forget(address);
}

void BlockTable::forget(std::uintptr_t address) noexcept {
  const auto found = blocks_.find(address);
  if (found == blocks_.end()) return;
  found->second.ledger->remove(device_, found->second.purpose, found->second.bytes);
  blocks_.erase(found);
}

std::size_t BlockTable::live_blocks() const {
  const std::scoped_lock lock(mutex_);
  return blocks_.size();
}

}  // namespace lldm::memory
