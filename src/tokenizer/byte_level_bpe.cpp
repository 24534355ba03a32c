// SPDX-License-Identifier: MIT
#include "tokenizer/byte_level_bpe.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <mutex>
#include <queue>
#include <shared_mutex>
#include <tuple>
#include <utility>

namespace lldm {
namespace {

constexpr std::size_t kLongestScan = 48;    // symbols; longer pieces use the queue
constexpr std::size_t kLongestCached = 48;  // bytes
constexpr std::size_t kCachedPerShard = 8192;
constexpr std::size_t kNumShards = 16;
constexpr std::uint32_t kNoRank = ~std::uint32_t{0};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

/// Pair of ids -> rank and result; open addressing, at most half full.
class ByteLevelBpe::MergeTable {
 public:
  struct Entry {
    std::uint64_t key = kEmpty;
    std::uint32_t rank = kNoRank;
    std::int32_t result = 0;
  };

  explicit MergeTable(const std::vector<Merge>& merges)
      : entries_(std::bit_ceil(2 * merges.size() + 2)), mask_(entries_.size() - 1) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      Entry& entry = entries_[slot(key(merges[rank].left, merges[rank].right))];
      entry = {key(merges[rank].left, merges[rank].right), static_cast<std::uint32_t>(rank),
               merges[rank].result};
    }
  }
  /// The merge of the pair; its rank is kNoRank where there is none.
  [[nodiscard]] const Entry& find(std::int32_t left, std::int32_t right) const {
    return entries_[slot(key(left, right))];
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot(std::uint64_t key) const {
    std::uint64_t hash = key * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_)
      if (entries_[at].key == key || entries_[at].key == kEmpty) return at;
  }
  std::vector<Entry> entries_;
  std::size_t mask_;
};

struct ByteLevelBpe::Cache {
  struct Shard {
    std::shared_mutex mutex;
    std::unordered_map<std::string, std::vector<std::int32_t>, TextHash, std::equal_to<>> ids;
  };
  std::array<Shard, kNumShards> shards;
};

ByteLevelBpe::ByteLevelBpe(const std::array<std::int32_t, 256>& symbol_of_byte,
                           const std::vector<Merge>& merges,
                           std::unordered_map<std::string, std::int32_t> whole)
    : symbol_of_byte_(symbol_of_byte),
      has_all_symbols_(std::count(symbol_of_byte.begin(), symbol_of_byte.end(), kNoSymbol) == 0),
      merges_(std::make_unique<MergeTable>(merges)),
      whole_(std::move(whole)),
      cache_(std::make_unique<Cache>()) {}

ByteLevelBpe::ByteLevelBpe(ByteLevelBpe&&) noexcept = default;
ByteLevelBpe::~ByteLevelBpe() = default;

std::size_t ByteLevelBpe::find_missing(std::string_view piece) const {
  if (has_all_symbols_) return std::string_view::npos;
  const auto found = std::find_if(piece.begin(), piece.end(), [&](char byte) {
    return symbol_of_byte_[static_cast<std::uint8_t>(byte)] == kNoSymbol;
  });
  if (found == piece.end() || whole_.contains(std::string(piece))) return std::string_view::npos;
  return static_cast<std::size_t>(found - piece.begin());
}

void ByteLevelBpe::encode(std::string_view piece, std::vector<std::int64_t>& ids) const {
  std::vector<std::int32_t> symbols;
  if (piece.size() > kLongestCached) {
    merge(piece, symbols);
    ids.insert(ids.end(), symbols.begin(), symbols.end());
    return;
  }
  Cache::Shard& shard = cache_->shards[TextHash()(piece) % kNumShards];
  {
    const std::shared_lock lock(shard.mutex);
    if (const auto found = shard.ids.find(piece); found != shard.ids.end()) {
      ids.insert(ids.end(), found->second.begin(), found->second.end());
      return;
    }
  }
  merge(piece, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
  const std::unique_lock lock(shard.mutex);
  if (shard.ids.size() < kCachedPerShard) shard.ids.emplace(piece, std::move(symbols));
}

void ByteLevelBpe::merge(std::string_view piece, std::vector<std::int32_t>& symbols) const {
  if (!whole_.empty()) {
    if (const auto found = whole_.find(std::string(piece)); found != whole_.end()) {
      symbols.assign(1, found->second);
      return;
    }
  }
  symbols.reserve(piece.size());
  for (const char byte : piece)
    if (const auto id = symbol_of_byte_[static_cast<std::uint8_t>(byte)]; id != kNoSymbol)
      symbols.push_back(id);
  if (symbols.size() <= kLongestScan)
    merge_by_scan(symbols);
  else
    merge_by_queue(symbols);
}

void ByteLevelBpe::merge_by_scan(std::vector<std::int32_t>& symbols) const {
  while (symbols.size() > 1) {
    const MergeTable::Entry* best = nullptr;
    std::size_t best_at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const MergeTable::Entry& entry = merges_->find(symbols[i], symbols[i + 1]);
      if (entry.rank != kNoRank && (!best || entry.rank < best->rank)) best = &entry, best_at = i;
    }
    if (!best) return;
    symbols[best_at] = best->result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

void ByteLevelBpe::merge_by_queue(std::vector<std::int32_t>& symbols) const {
  constexpr std::int32_t kGone = -1;
  const std::size_t n = symbols.size();
  std::vector<std::size_t> next(n), previous(n);
  for (std::size_t i = 0; i < n; ++i) next[i] = i + 1, previous[i] = i - 1;  // n and ~0: none

  struct Candidate {
    std::uint32_t rank;
    std::size_t at;
    std::int32_t left, right, result;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (at >= n || next[at] >= n) return;
    const auto& entry = merges_->find(symbols[at], symbols[next[at]]);
    if (entry.rank != kNoRank)
      queue.push({entry.rank, at, symbols[at], symbols[next[at]], entry.result});
  };
  for (std::size_t i = 0; i + 1 < n; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    const std::size_t right = symbols[top.at] == top.left ? next[top.at] : n;
    if (right >= n || symbols[right] != top.right) continue;  // one of the two was merged since
    symbols[top.at] = top.result;
    symbols[right] = kGone;
    next[top.at] = next[right];
    if (next[right] < n) previous[next[right]] = top.at;
    offer(previous[top.at]);
    offer(top.at);
  }
  std::erase(symbols, kGone);
}

}  // namespace lldm
