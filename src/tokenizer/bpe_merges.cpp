// SPDX-License-Identifier: MIT
#include "tokenizer/bpe_merges.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>
#include <tuple>

namespace lldm {
namespace {

constexpr std::size_t kLongestScan = 48;  // symbols; longer pieces use the queue

}  // namespace

BpeMerges::BpeMerges(const std::vector<Merge>& merges, bool by_result)
    : entries_(std::bit_ceil(2 * merges.size() + 2)), mask_(entries_.size() - 1) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto [left, right, result] = merges[rank];
    entries_[slot(key(left, right))] = {
        key(left, right), static_cast<std::uint32_t>(by_result ? result : rank), result};
  }
}

std::size_t BpeMerges::slot(std::uint64_t key) const {
  std::uint64_t hash = key * 0x9E3779B97F4A7C15u;
  hash ^= hash >> 32;
  for (std::size_t at = hash & mask_;; at = (at + 1) & mask_)
    if (entries_[at].key == key || entries_[at].key == kEmpty) return at;
}

void BpeMerges::apply(std::vector<std::int32_t>& symbols) const {
  if (symbols.size() <= kLongestScan)
    apply_by_scan(symbols);
  else
    apply_by_queue(symbols);
}

void BpeMerges::apply_by_scan(std::vector<std::int32_t>& symbols) const {
  while (symbols.size() > 1) {
    const Entry* best = nullptr;
    std::size_t best_at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Entry& entry = find(symbols[i], symbols[i + 1]);
      if (entry.rank != kNoRank && (!best || entry.rank < best->rank)) best = &entry, best_at = i;
    }
    if (!best) return;
    symbols[best_at] = best->result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

void BpeMerges::apply_by_queue(std::vector<std::int32_t>& symbols) const {
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
    const auto& entry = find(symbols[at], symbols[next[at]]);
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
