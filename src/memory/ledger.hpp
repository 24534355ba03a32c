// SPDX-License-Identifier: MIT
// The counters behind MemoryManager: lock-free, a few atomic additions an allocation.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lldm/memory/manager.hpp"

namespace lldm::memory {

/// Counts bytes by device and purpose, keeps peaks over up to 8 windows and refuses what passes a
/// device's budget; what passes a purpose's is counted, and asks for what can be given up.
class Ledger {
 public:
  static constexpr std::size_t kWindows = 8;  // 0 is the manager's own, the rest are watches
  static constexpr std::size_t kTotal = kMemoryPurposes;  // the column after the purposes
  static constexpr std::size_t kDevices = kMemoryDeviceNames.size();

  /// Counts an allocation.
  /// Errors  OutOfMemory, with nothing counted, if the device's budget does not hold it.
  void add(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes);
  /// The two halves of `add`, where an allocation is learnt of after it was made.
  void require_room(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) const;
  void count(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept;
  /// Takes an allocation back; never fails.
  void remove(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept;
  /// The exception for an allocation that the device itself refused; `reason` says how.
  [[noreturn]] void refuse(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes,
                           const char* reason) const;

  void set_budget(MemoryDevice device, std::size_t column, std::int64_t bytes) noexcept;
  [[nodiscard]] DeviceMemory read(MemoryDevice device) const;
  [[nodiscard]] std::int64_t current(MemoryDevice device, std::size_t column) const noexcept;

  /// A window's peaks start at the current use.
  /// Errors  Error if none is free.
  std::size_t open_window();
  void close_window(std::size_t window) noexcept;
  void restart_window(std::size_t window) noexcept;
  [[nodiscard]] std::int64_t peak(std::size_t window, MemoryDevice device,
                                  std::size_t column) const noexcept;

  Ledger* next = nullptr;  // every ledger of the process, so that leak checkers see them

 private:
  struct Column {
    std::atomic<std::int64_t> current{0};
    std::atomic<std::int64_t> budget{0};  // hard of the total, soft of a purpose
    std::atomic<std::int64_t> passed{0};  // times that a soft one was
    std::array<std::atomic<std::int64_t>, kWindows> peaks{};
  };
  struct Device {
    std::array<Column, kMemoryPurposes + 1> columns;
    std::atomic<std::int64_t> allocations{0};
  };

  Column& column(MemoryDevice device, std::size_t index) noexcept {
    return devices_[static_cast<std::size_t>(device)].columns[index];
  }
  const Column& column(MemoryDevice device, std::size_t index) const noexcept {
    return devices_[static_cast<std::size_t>(device)].columns[index];
  }
  void raise_peaks(Column& column, std::int64_t value) noexcept;
  /// Of a purpose that holds `after` bytes now, `bytes` of them new.
  void look_at_soft_budget(Column& column, MemoryPurpose purpose, std::int64_t after,
                           std::int64_t bytes) noexcept;
  [[noreturn]] void refuse_over_budget(MemoryDevice device, MemoryPurpose purpose,
                                       std::int64_t bytes) const;

  std::array<Device, kDevices> devices_;
  std::atomic<std::uint32_t> windows_{1};  // bit w: window w is open
};

}  // namespace lldm::memory
