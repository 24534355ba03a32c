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
  /// Appends the ids of `piece`: those kept, or what `make(symbols)` gives.  Kept are those of
  /// `recognise`, which is asked first.
  template <class Make>
  void encode(std::string_view piece, SpecialText mode, std::vector<std::int64_t>& ids,
              const Make& make) {
    std::vector<std::int32_t> symbols;
    if (piece.size() > kLongest || mode == SpecialText::plain) {
      make(symbols);
      ids.insert(ids.end(), symbols.begin(), symbols.end());
      return;
    }
    Shard& shard = shards_[TextHash()(piece) % shards_.size()];
    {
      const std::shared_lock lock(shard.mutex);
      if (const auto found = shard.ids.find(piece); found != shard.ids.end()) {
        ids.insert(ids.end(), found->second.begin(), found->second.end());
        return;
      }
    }
    make(symbols);
    ids.insert(ids.end(), symbols.begin(), symbols.end());
    const std::unique_lock lock(shard.mutex);
    if (shard.ids.size() < kPerShard) shard.ids.emplace(piece, std::move(symbols));
  }

 private:
  static constexpr std::size_t kLongest = 48;  // bytes
  static constexpr std::size_t kPerShard = 8192;
  struct Shard {
    std::shared_mutex mutex;
    TextMap<std::vector<std::int32_t>> ids;
  };
  std::array<Shard, 16> shards_;
};

}  // namespace lldm
