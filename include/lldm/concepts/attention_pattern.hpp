// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// Which tokens of its own sequence a token may look at.
///
/// `two_stream` is the training layout of block diffusion: the sequence is a noised half of L
/// tokens and then its clean half of L tokens, both at positions 0 .. L - 1.  The first
/// `num_prompt` tokens of a half are block 0, the rest is cut into blocks of `block_size`.  A
/// noised token sees its own block of the noised half and the earlier blocks of the clean half; a
/// clean token sees the blocks of the clean half up to its own.
///
/// Source  Arriola et al. 2025 (BD3-LM, arXiv:2503.09573), section 3 and figure 3 of its appendix.
struct AttentionPattern {
  enum class Kind : std::uint8_t { full, two_stream };
  Kind kind = Kind::full;
  std::int64_t num_prompt =
      0;  // tokens of block 0 in each half; 0: block 0 is the first of the cut
  std::int64_t block_size = 0;  // tokens

  friend bool operator==(const AttentionPattern&, const AttentionPattern&) = default;
};

}  // namespace lldm
