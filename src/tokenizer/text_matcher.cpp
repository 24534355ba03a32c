// SPDX-License-Identifier: MIT
#include "tokenizer/text_matcher.hpp"

namespace lldm {

void TextMatcher::add(std::string_view text, std::int64_t id) {
  begins_[static_cast<std::uint8_t>(text.front())] = true;
  std::uint64_t node = 0;
  for (const char byte : text) {
    const auto [found, is_new] = next_.try_emplace(edge(node, byte), num_nodes_);
    if (is_new) ++num_nodes_;
    node = found->second;
  }
  id_of_node_[node] = id;
}

TextMatcher::Match TextMatcher::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<std::uint8_t>(text[begin])]) continue;
    Match longest;
    std::uint64_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const auto found = next_.find(edge(node, text[at]));
      if (found == next_.end()) break;
      node = found->second;
      if (const auto id = id_of_node_.find(node); id != id_of_node_.end())
        longest = {begin, at + 1, id->second};
    }
    if (longest.begin != std::string_view::npos) return longest;
  }
  return {};
}

}  // namespace lldm
