// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace lldm {

/// The merges of a BPE: pairs of ids, in the order of their ranks.
///
/// Cost    short lists by scanning, long ones with a priority queue, O(n log n).
/// Source  Sennrich et al. 2016, arXiv:1508.07909; huggingface/tokenizers, models/bpe/word.rs
class BpeMerges {
 public:
  struct Merge {
    std::int32_t left, right, result;
  };

  /// Merges are ranked as they stand; with `by_result` by the id of what they give, so that the
  /// merges which give one token have one rank (tiktoken).
  explicit BpeMerges(const std::vector<Merge>& merges, bool by_result = false);

  /// Merges the pair of lowest rank, leftmost first, until none is left.
  void apply(std::vector<std::int32_t>& symbols) const;

 private:
  static constexpr std::uint32_t kNoRank = ~std::uint32_t{0};
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  /// Pair of ids -> rank and result; open addressing, at most half full.
  struct Entry {
    std::uint64_t key = kEmpty;
    std::uint32_t rank = kNoRank;
    std::int32_t result = 0;
  };
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot(std::uint64_t key) const;
  /// The merge of the pair; its rank is kNoRank where there is none.
  [[nodiscard]] const Entry& find(std::int32_t left, std::int32_t right) const {
    return entries_[slot(key(left, right))];
  }
  void apply_by_scan(std::vector<std::int32_t>& symbols) const;
  void apply_by_queue(std::vector<std::int32_t>& symbols) const;

  std::vector<Entry> entries_;
  std::size_t mask_;
};

}  // namespace lldm
