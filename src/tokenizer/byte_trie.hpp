// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace lldm {

/// Texts by their bytes, all that a text begins with found in one walk.  Children of a node stand
/// together, so a step is one array access and a short search.
class ByteTrie {
 public:
  static constexpr std::int32_t kNone = -1;

  ByteTrie() = default;
  /// Texts, none empty, and ids from 0; of equal texts the last counts.
  explicit ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> entries);

  /// Calls `on_match(length, id)` for every entry that `text` begins with, shortest first.
  template <class OnMatch>
  void for_each_prefix(std::string_view text, const OnMatch& on_match) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<std::uint8_t>(text[i]));
      if (node == 0) return;
      if (nodes_[node].id != kNone) on_match(i + 1, nodes_[node].id);
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t num_children = 0;
    std::uint8_t label = 0;
    std::int32_t id = kNone;
  };
  /// The child of `node` at `label`, or 0.
  [[nodiscard]] std::uint32_t child(std::uint32_t node, std::uint8_t label) const {
    if (node == 0) return root_[label];
    const std::uint32_t first = nodes_[node].first_child;
    const std::uint32_t end = first + nodes_[node].num_children;
    for (std::uint32_t at = first; at < end; ++at)
      if (nodes_[at].label >= label) return nodes_[at].label == label ? at : 0;
    return 0;
  }

  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> root_ = {};
};

}  // namespace lldm
