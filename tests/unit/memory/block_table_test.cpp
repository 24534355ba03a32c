// SPDX-License-Identifier: MIT
#include "memory/block_table.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using lldm::MemoryDevice;
using lldm::MemoryPurpose;
using lldm::memory::BlockTable;
using lldm::memory::Ledger;

TEST_CASE("BlockTable counts a block from its allocation to its free, by address",
          "[memory][block_table]") {
  Ledger ledger;
  BlockTable table(MemoryDevice::cuda);
  table.allocated(0x1000, 100, MemoryPurpose::weights);  // before counting began
  table.count_in(&ledger);
  table.allocated(0x2000, 200, MemoryPurpose::weights);
  table.allocated(0x3000, 300, MemoryPurpose::logits);
  table.freed(0x1000);
  CHECK(ledger.read(MemoryDevice::cuda).total.current_bytes == 500);
  table.freed(0x2000);
  table.freed(0x2000);  // twice is once
  const auto use = ledger.read(MemoryDevice::cuda);
  CHECK(use.total.current_bytes == 300);
  CHECK(use.total.peak_bytes == 500);
  CHECK(use.of(MemoryPurpose::weights).peak_bytes == 200);
  CHECK(use.allocations == 2);
  CHECK(ledger.read(MemoryDevice::cpu).total.peak_bytes == 0);
  table.allocated(0x3000, 50, MemoryPurpose::staging);  // its free was missed: the old block goes
  CHECK(ledger.read(MemoryDevice::cuda).total.current_bytes == 50);
}

TEST_CASE("BlockTable gives a block back to the ledger that counted it", "[memory][block_table]") {
  Ledger first, second;
  BlockTable table(MemoryDevice::cuda);
  table.count_in(&first);
  table.allocated(0x1000, 10, MemoryPurpose::weights);
  table.count_in(&second);
  table.allocated(0x2000, 20, MemoryPurpose::weights);
  table.freed(0x1000);
  CHECK(first.read(MemoryDevice::cuda).total.current_bytes == 0);
  CHECK(second.read(MemoryDevice::cuda).total.current_bytes == 20);
  table.count_in(nullptr);
  table.allocated(0x3000, 30, MemoryPurpose::weights);
  CHECK(table.live_blocks() == 1);
}

TEST_CASE("Ledger::require_room refuses what the budget does not hold and counts nothing",
          "[memory][block_table]") {
  Ledger ledger;
  ledger.set_budget(MemoryDevice::cuda, Ledger::kTotal, 100);
  ledger.count(MemoryDevice::cuda, MemoryPurpose::weights, 60);
  CHECK_NOTHROW(ledger.require_room(MemoryDevice::cuda, MemoryPurpose::weights, 40));
  CHECK_THROWS_AS(ledger.require_room(MemoryDevice::cuda, MemoryPurpose::weights, 41),
                  lldm::OutOfMemory);
  CHECK(ledger.read(MemoryDevice::cuda).total.current_bytes == 60);
}
