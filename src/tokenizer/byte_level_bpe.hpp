// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lldm {

/// Byte-level BPE of one piece of text: start from one symbol a byte, then merge the pair of lowest
/// rank, leftmost first, until none is left.
///
/// Cost    short pieces by scanning, long ones with a priority queue, O(n log n); results of short
///         pieces are kept (a bounded number, shared by threads).
/// Source  Sennrich et al. 2016, arXiv:1508.07909; huggingface/tokenizers, models/bpe/word.rs
class ByteLevelBpe {
 public:
  struct Merge {
    std::int32_t left, right, result;  // in the order of their ranks
  };
  static constexpr std::int32_t kNoSymbol = -1;

  /// `symbol_of_byte`: id of each byte's symbol, `kNoSymbol` where the vocabulary lacks it.
  /// `whole`: pieces that are one token without merging (`ignore_merges`); may be empty.
  ByteLevelBpe(const std::array<std::int32_t, 256>& symbol_of_byte,
               const std::vector<Merge>& merges,
               std::unordered_map<std::string, std::int32_t> whole);
  ByteLevelBpe(ByteLevelBpe&&) noexcept;
  ~ByteLevelBpe();

  /// Appends the ids of one piece.  Bytes without a symbol are left out: ask `find_missing` before.
  void encode(std::string_view piece, std::vector<std::int64_t>& ids) const;
  /// Offset of the first byte that `encode` would leave out, or npos.
  [[nodiscard]] std::size_t find_missing(std::string_view piece) const;

 private:
  class MergeTable;
  struct Cache;
  void merge(std::string_view piece, std::vector<std::int32_t>& symbols) const;
  void merge_by_scan(std::vector<std::int32_t>& symbols) const;
  void merge_by_queue(std::vector<std::int32_t>& symbols) const;

  std::array<std::int32_t, 256> symbol_of_byte_;
  bool has_all_symbols_;
  std::unique_ptr<const MergeTable> merges_;
  std::unordered_map<std::string, std::int32_t> whole_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace lldm
