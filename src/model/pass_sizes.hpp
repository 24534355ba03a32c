// SPDX-License-Identifier: MIT
// What the parts of a pass hold each, in bytes: the vocabulary of pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/pass_head.hpp"

namespace lldm {

/// Of a block, beside what its rows, products, updates and head hold.
class PassSizes : public HeadSizes {
 public:
  using HeadSizes::HeadSizes;

  /// BlockSaved::list, as it is when forward ends; of the last block those behind attention have
  /// the given rows alone.
  [[nodiscard]] std::int64_t whole_block(bool is_last) const {
    const std::int64_t behind = d() + 2 * f() + 1;
    return rows(d() + 1 + qkv() + q()) + attention_.log_sums() +
           (is_last ? given(behind) : rows(behind)) +
           (shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads) : 0);
  }
  /// What norms of heads add to attention: their scales and the normalised projections.
  [[nodiscard]] std::int64_t heads_norm() const {
    return shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads + qkv()) : 0;
  }
  /// While the last mask is made: the rows, all masks, and beside a mask what it is filled from and
  /// two of truth values.
  [[nodiscard]] std::int64_t making_masks() const {
    return rows(d()) + beside() + (number_ + 2) * attention_.largest_mask();
  }
  /// The same after drop().
  [[nodiscard]] std::int64_t kept_block(bool is_last) const {
    switch (model_.recomputation) {
      case Recomputation::none:
      case Recomputation::automatic:
        return whole_block(is_last);
      case Recomputation::selective:
        return rows(d() + q()) + attention_.log_sums() + (is_last ? given(d()) : rows(d()));
      case Recomputation::full:
        return rows(d());
      case Recomputation::offload:
        return 0;
    }
    return whole_block(is_last);
  }
  /// Of the inputs of `blocks` blocks, those that are on their way between device and host: `most`.
  [[nodiscard]] std::int64_t under_way(std::int64_t most, std::int64_t blocks) const {
    return is_offloaded() ? std::min(most, blocks) * rows(d()) : 0;
  }
  /// What the host holds of them, where its memory is the device's.
  [[nodiscard]] std::int64_t on_host(std::int64_t blocks) const {
    return is_offloaded() && model_.is_on_cpu ? blocks * rows(d()) : 0;
  }
  [[nodiscard]] bool is_offloaded() const { return model_.recomputation == Recomputation::offload; }
  /// Of all blocks.
  [[nodiscard]] std::int64_t kept_blocks() const {
    return (graphed() - 1) * kept_block(false) + kept_block(true);
  }
  /// Of those before the last.
  [[nodiscard]] std::int64_t kept_before() const { return kept_blocks() - kept_block(true); }
  /// The last block's rows, the final norm's scale, the ids, and the masks.
  [[nodiscard]] std::int64_t kept_around() const { return given(d() + 1) + beside(); }
  [[nodiscard]] std::int64_t beside() const {
    // Where attention is LibTorch's, rotation is looked up for every token.
    return 8 * tokens_ + 8 * queries_ + number_ * attention_.masks() +
           (attention_.is_masked() ? rows(shape_.head_width) : 0);
  }
};

}  // namespace lldm
