// SPDX-License-Identifier: MIT
// What memory is in use, for what, and how much may be.  Decorates LibTorch's own allocators, so
// that the temporaries of its operators are inside the same accounting (docs/definitions.md,
// law 3).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/memory/purpose.hpp"

namespace lldm {

enum class MemoryDevice : std::uint8_t { cpu, cuda };
inline constexpr std::array<std::string_view, 2> kMemoryDeviceNames = {"cpu", "cuda"};
inline constexpr std::size_t kMemoryPurposes = kMemoryPurposeNames.size();

/// Bytes asked for by tensors, now and at most.
struct MemoryUse {
  std::int64_t current_bytes = 0;
  std::int64_t peak_bytes = 0;
};

/// One device's use.  The peaks of the purposes need not coincide, so they sum to `total` or more.
struct DeviceMemory {
  MemoryDevice device = MemoryDevice::cpu;
  MemoryUse total;
  std::array<MemoryUse, kMemoryPurposes> purposes;
  std::int64_t budget_bytes = 0;                                // 0: none
  std::array<std::int64_t, kMemoryPurposes> purpose_budgets{};  // 0: none
  std::array<std::int64_t, kMemoryPurposes> times_passed{};     // that each of these was passed
  std::int64_t allocations = 0;                                 // ever made
  // Of a GPU alone, as its driver has it: what LibTorch holds for tensors now and to come, and what
  // contexts and other processes take; of the host's memory, what is locked for copies.
  std::int64_t reserved_bytes = 0, outside_bytes = 0, pinned_bytes = 0;

  [[nodiscard]] const MemoryUse& of(MemoryPurpose purpose) const {
    return purposes[static_cast<std::size_t>(purpose)];
  }
};

struct MemoryReport {
  bool is_installed = false;          // false: nothing is counted and every figure is 0
  std::vector<DeviceMemory> devices;  // cpu; and cuda where its allocator is decorated

  /// nullptr where the device is not counted.
  [[nodiscard]] const DeviceMemory* find(MemoryDevice device) const;
  /// A table: one line per purpose that was ever used, with units.
  [[nodiscard]] std::string text() const;
};

namespace memory {
class Ledger;
}

/// The one memory manager of a run: an object, passed through Services.
///
/// A tensor's bytes count from its allocation to its free under the purpose of the scope it was
/// allocated in, whoever frees it.  What is not a tensor (strings, mapped files, the code) is not
/// counted.  All members may be called from any thread; install() and the destructor from one.
class MemoryManager {
 public:
  MemoryManager();
  /// Puts LibTorch's allocators back; tensors that live on stay valid.
  ~MemoryManager();
  MemoryManager(const MemoryManager&) = delete;
  MemoryManager& operator=(const MemoryManager&) = delete;

  /// Decorates LibTorch's CPU allocator, and its CUDA one once liblldm_cuda.so is loaded
  /// (lldm/memory/device.hpp).  Counts what is allocated from now on.
  /// Errors  Error if this or another manager is installed: LibTorch's allocators are process-wide.
  void install();
  [[nodiscard]] bool is_installed() const noexcept { return is_installed_; }

  /// Largest sum of live bytes on a device; 0 bytes: no limit.  An allocation that would pass it
  /// throws OutOfMemory, which names the largest holders, and leaves everything as it was.  Of a
  /// GPU LibTorch reserves no more either, less `context`, which driver and libraries take of the
  /// budget (DeviceProfile); 0: as much as the device has in use that is not ours, 1 GiB at most.
  void set_budget(MemoryDevice device, ByteSize budget, ByteSize context = {});
  /// What one purpose should hold at most.  Nothing is refused: passing it is counted, and asks for
  /// what can be given up (memory/reclaim.hpp).
  void set_budget(MemoryDevice device, MemoryPurpose purpose, ByteSize budget);

  [[nodiscard]] MemoryReport report() const;
  /// Peaks become the current use.
  void reset_peaks();

  /// Peaks of one stretch of a program; any order of construction and destruction, at most 7 at
  /// once.
  class Watch {
   public:
    /// Errors  Error if 7 watches are alive.
    explicit Watch(const MemoryManager& manager);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// Largest use since construction, what was live then included; 0 where nothing is counted.
    [[nodiscard]] std::int64_t peak_bytes(MemoryDevice device) const;
    [[nodiscard]] std::int64_t peak_bytes(MemoryDevice device, MemoryPurpose purpose) const;
    /// Largest use since construction above what was live at construction.
    [[nodiscard]] std::int64_t growth_bytes(MemoryDevice device) const;

   private:
    memory::Ledger* ledger_;
    std::size_t window_;
    std::array<std::int64_t, kMemoryDeviceNames.size()> start_{};
  };

  /// For liblldm_cuda.so and tests: the counters.
  [[nodiscard]] memory::Ledger& ledger() const noexcept { return *ledger_; }

 private:
  memory::Ledger* ledger_;  // never freed: a tensor may outlive its manager
  bool is_installed_ = false;
};

}  // namespace lldm
