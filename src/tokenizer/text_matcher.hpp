// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace lldm {

/// Finds given texts inside a longer one: the leftmost match, and of those that begin there the
/// longest.  A byte trie, so a text costs (length x longest entry) at most, whatever the number of
/// entries.
class TextMatcher {
 public:
  struct Match {
    std::size_t begin = std::string_view::npos;  // npos: none
    std::size_t end = 0;
    std::int64_t id = -1;
  };

  /// `text` must not be empty; a text added twice keeps the last id.
  void add(std::string_view text, std::int64_t id);
  [[nodiscard]] bool empty() const { return num_nodes_ == 1; }
  /// The first match at or after `from`.
  [[nodiscard]] Match find(std::string_view text, std::size_t from) const;

 private:
  static std::uint64_t edge(std::uint64_t node, char byte) {
    return node << 8 | static_cast<std::uint8_t>(byte);
  }

  std::uint64_t num_nodes_ = 1;  // node 0 is the root
  std::unordered_map<std::uint64_t, std::uint64_t> next_;
  std::unordered_map<std::uint64_t, std::int64_t> id_of_node_;
  std::array<bool, 256> begins_ = {};
};

}  // namespace lldm
