// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "lldm/memory/purpose.hpp"
#include "memory/ledger.hpp"

namespace lldm::memory {

/// Which live device blocks were counted, and as what.  LibTorch's CUDA allocator frees a block
/// without passing a decorator, so a free is learnt from its trace, by address.
class BlockTable {
 public:
  explicit BlockTable(MemoryDevice device) : device_(device) {}

  /// Later blocks count in `ledger`; nullptr: not at all.  Blocks counted until then stay with
  /// theirs.
  void count_in(Ledger* ledger);
  /// A block came to life.  The budget was asked before (Ledger::add cannot be refused in a trace).
  void allocated(std::uintptr_t address, std::int64_t bytes, MemoryPurpose purpose);
  /// A block was given back.  Unknown addresses (allocated before counting began) are ignored.
  void freed(std::uintptr_t address) noexcept;
  [[nodiscard]] std::size_t live_blocks() const;

 private:
  struct Block {
    Ledger* ledger;
    std::int64_t bytes;
    MemoryPurpose purpose;
  };
  void forget(std::uintptr_t address) noexcept;

  MemoryDevice device_;
  mutable std::mutex mutex_;
  Ledger* ledger_ = nullptr;
  std::unordered_map<std::uintptr_t, Block> blocks_;
};

}  // namespace lldm::memory
