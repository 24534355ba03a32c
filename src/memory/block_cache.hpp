// SPDX-License-Identifier: MIT
// Large host blocks, kept between uses: the system's own come as zeroed pages, and writing those
// for the first time costs more than a product that fills them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lldm::memory {

/// Blocks from kLeastBytes on, in size classes an eighth of a power of two apart, on pages of 2 MiB
/// where the system grants them.  Where none of a class is idle, one that is larger by at most a
/// quarter (below kSmallBytes: by at most as much again) is given: passes of ragged lengths ask for
/// other sizes every time.  What is kept and what is in use are together at most kSlackBytes above
/// the most that was ever in use, so that phases of other sizes (a reference's passes, then the
/// policy's) do not add up; the blocks that lay longest go first.  Thread-safe.
class BlockCache {
 public:
  static constexpr std::size_t kLeastBytes = std::size_t{1} << 17;
  static constexpr std::size_t kSmallBytes = std::size_t{4} << 20;
  static constexpr std::int64_t kSlackBytes = std::int64_t{64} << 20;

  struct Use {
    std::int64_t live_bytes = 0;  // in use, rounded up to the classes
    std::int64_t idle_bytes = 0;  // kept
    std::int64_t mapped = 0;      // blocks that the system was asked for
  };

  /// The one of the process.  Lives for ever: a tensor may outlive every manager.
  static BlockCache& instance();

  /// Whether blocks of this size come from here.
  static constexpr bool takes(std::size_t bytes) { return bytes >= kLeastBytes; }
  /// At an address that is a multiple of 4096.
  /// Errors  std::bad_alloc if the system has none; what is idle was given back before.
  [[nodiscard]] void* take(std::size_t bytes);
  /// `bytes` as they were asked for.
  void give_back(void* block, std::size_t bytes) noexcept;
  /// Gives what is idle back to the system; returns its bytes.
  std::int64_t trim() noexcept;
  [[nodiscard]] Use use() const;

  /// The bytes of the class that a size is in.
  static std::size_t class_bytes(std::size_t bytes);

 private:
  struct Idle {
    void* block;
    std::uint64_t since;  // in frees
  };
  /// An idle block of that class or a little more, whose class `size` becomes; null: none.
  void* take_idle(std::size_t& size);
  void shrink_to(std::int64_t idle_bytes) noexcept;
  /// Gives back of what is idle all that has no place beside so many live bytes.
  void make_room(std::int64_t live_bytes) noexcept;

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<Idle>> idle_;  // by class, the latest last
  std::unordered_map<void*, std::size_t> larger_;  // live blocks of a class above their own
  Use use_;
  std::int64_t most_live_ = 0;
  std::uint64_t frees_ = 0;
};

}  // namespace lldm::memory
