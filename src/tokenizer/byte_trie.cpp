// SPDX-License-Identifier: MIT
#include "tokenizer/byte_trie.hpp"

#include <algorithm>

namespace lldm {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // Level by level: entries begin..end of the sorted list share the first `depth` bytes of a node.
  struct Range {
    std::uint32_t node;
    std::size_t begin, end, depth;
  };
  nodes_.emplace_back();
  std::vector<Range> queue = {{0, 0, entries.size(), 0}};
  for (std::size_t next = 0; next < queue.size(); ++next) {
    auto [node, begin, end, depth] = queue[next];
    while (begin < end && entries[begin].first.size() == depth)
      nodes_[node].id = entries[begin++].second;
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char label = entries[begin].first[depth];
      std::size_t behind = begin;
      while (behind < end && entries[behind].first[depth] == label) ++behind;
      const auto made = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({0, 0, static_cast<std::uint8_t>(label), kNone});
      if (node == 0) root_[static_cast<std::uint8_t>(label)] = made;
      ++nodes_[node].num_children;
      queue.push_back({made, begin, behind, depth + 1});
      begin = behind;
    }
  }
}

}  // namespace lldm
