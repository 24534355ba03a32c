// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// Which masks the model sees behind the block that is being written.
enum class CanvasGrowth {
  whole,     // all of the answer exists from the start; later blocks are visible masks
  by_block,  // only the blocks so far exist; the canvas grows
};

/// The border "canvas" of a sampler: where the answer is written, block after block from the left.
/// Columns are counted from the first answer token.
struct Canvas {
  CanvasGrowth growth = CanvasGrowth::whole;
  std::int64_t response_length = 0;
  std::int64_t block_length = 0;  // divides response_length

  [[nodiscard]] std::int64_t num_blocks() const { return response_length / block_length; }
  [[nodiscard]] std::int64_t block_begin(std::int64_t block) const { return block * block_length; }
  [[nodiscard]] std::int64_t block_end(std::int64_t block) const {
    return (block + 1) * block_length;
  }
  /// Number of answer columns that exist while `block` is written.
  [[nodiscard]] std::int64_t columns_at(std::int64_t block) const {
    return growth == CanvasGrowth::whole ? response_length : block_end(block);
  }
};

}  // namespace lldm
