// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/token_model.hpp"

namespace lldm {

/// The ids of short pieces that came before: a bounded number, shared by threads.
class PieceCache {
 public:
  /// Appends the ids of `piece` if they are kept.
  bool find(std::string_view piece, std::vector<std::int64_t>& ids) {
    if (piece.size() > kLongest) return false;
    Shard& shard = shard_of(piece);
    const std::shared_lock lock(shard.mutex);
    const auto found = shard.ids.find(piece);
    if (found == shard.ids.end()) return false;
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return true;
  }
  /// Keeps the ids of a short piece while there is room.
  void keep(std::string_view piece, std::vector<std::int32_t> symbols) {
    if (piece.size() > kLongest) return;
    Shard& shard = shard_of(piece);
    const std::unique_lock lock(shard.mutex);
    if (shard.ids.size() < kPerShard) shard.ids.emplace(piece, std::move(symbols));
  }
  /// Appends the ids of `piece`: those kept, or what `make(symbols)` gives.  Kept are those of
  /// `recognise`, which is asked first.
  template <class Make>
  void encode(std::string_view piece, SpecialText mode, std::vector<std::int64_t>& ids,
              const Make& make) {
    if (mode == SpecialText::recognise && find(piece, ids)) return;
    std::vector<std::int32_t> symbols;
    make(symbols);
    ids.insert(ids.end(), symbols.begin(), symbols.end());
    if (mode == SpecialText::recognise) keep(piece, std::move(symbols));
  }

 private:
  static constexpr std::size_t kLongest = 48;  // bytes
  static constexpr std::size_t kPerShard = 8192;
  struct Shard {
    std::shared_mutex mutex;
    TextMap<std::vector<std::int32_t>> ids;
  };
  Shard& shard_of(std::string_view piece) { return shards_[TextHash()(piece) % shards_.size()]; }
  std::array<Shard, 16> shards_;
};

}  // namespace lldm
