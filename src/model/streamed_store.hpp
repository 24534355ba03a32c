// SPDX-License-Identifier: MIT
// Blocks' matrices that lie in the host's memory and pass through the device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lldm/model/weight_placement.hpp"
#include "lldm/model/weight_store.hpp"
#include "memory/copy_engine.hpp"
#include "memory/locked_memory.hpp"
#include "memory/reclaim.hpp"

namespace lldm {

/// Every block's matrices behind one another in one slab of the host, of exactly their size and
/// locked for the device; vectors lie on the device.  A block that is acquired is in one of a few
/// slots of the device, or is copied there; while it is held, the next one in the order of the walk
/// (up, or down as backward goes) is on its way into another.  Blocks stay in their slots until
/// these are needed, so that a turn of the walk copies nothing.
///
/// The host waits for no copy.  On the CPU the slots are memory beside the slab, filled at once.
class StreamedStore final : public WeightStore {
 public:
  /// Zeros, of blocks like `block`, whose matrices may be on the meta device.
  /// Errors  OutOfMemory where the slab cannot be locked.
  StreamedStore(const BlockWeights& block, std::int64_t blocks, at::Device device,
                const WeightPlacement& placement);
  ~StreamedStore() override;

  /// Errors  Error if as many other blocks as there are slots are held.
  [[nodiscard]] std::shared_ptr<const BlockWeights> acquire(std::size_t block) const override;
  [[nodiscard]] std::shared_ptr<const BlockWeights> stored(std::size_t block) const override {
    return blocks_.at(block);
  }
  [[nodiscard]] std::size_t size() const override { return blocks_.size(); }

  /// Bytes of a slot, and of a block in the slab.
  [[nodiscard]] std::int64_t slot_bytes() const { return slot_bytes_; }
  /// Slots that nobody holds go back to the device, but for one; returns their bytes.  From then on
  /// a block arrives when it is asked for.  The first step where memory is short (reclaim.hpp).
  std::int64_t drop_look_ahead();
  /// Blocks copied since the store was made.
  [[nodiscard]] std::int64_t num_copies() const;

  /// Bytes of the slab for each block like this one.
  static std::int64_t bytes_of(const BlockWeights& block);

 private:
  struct Slot {
    at::Tensor bytes;                  // [slot_bytes] uint8, on the device
    std::optional<std::size_t> block;  // that it holds, or that is on its way
    bool has_arrived = false;          // the device's work waits for it already
    std::int64_t holders = 0;
    std::int64_t used = 0;  // when it was asked for last
    std::weak_ptr<const BlockWeights> handle;
  };

  [[nodiscard]] std::shared_ptr<const BlockWeights> handle_of(std::size_t slot) const;
  [[nodiscard]] std::optional<std::size_t> find(std::size_t block) const;
  /// A slot that nobody holds and whose block is none of [first, last], the one unused longest.
  [[nodiscard]] std::optional<std::size_t> free_slot(std::int64_t first, std::int64_t last) const;
  void send(std::size_t slot, std::size_t block) const;
  void look_ahead(std::size_t block) const;
  void give_back(std::size_t slot) const;
  void forget_changed() const;

  std::vector<std::shared_ptr<const BlockWeights>> blocks_;  // on the host
  at::Tensor slab_;                                          // [blocks slot_bytes] uint8, there
  std::int64_t slot_bytes_ = 0;
  bool poisons_ = false;
  std::shared_ptr<memory::CopyEngine> copies_;

  mutable std::mutex mutex_;
  mutable std::vector<Slot> slots_;
  mutable std::optional<std::size_t> last_;  // block that was asked for
  mutable bool is_down_ = false;             // the walk's direction
  mutable std::int64_t clock_ = 0, num_copies_ = 0;
  mutable std::int64_t version_ = 0;  // of the slab, that the slots hold
  // Behind what it gives up.
  memory::ReclaimRegistration look_ahead_{memory::ReclaimStep::look_ahead,
                                          [this] { return drop_look_ahead(); }};
};

}  // namespace lldm
