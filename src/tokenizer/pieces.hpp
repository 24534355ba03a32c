// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/split_regex.hpp"

namespace lldm {

/// What happens to the matches of a split.
enum class SplitBehaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// The pieces of a text that a pre-tokenizer's steps cut finer and finer; none is empty.
class Pieces {
 public:
  struct Piece {
    std::string_view text;
    bool is_first;  // begins where the whole text begins
  };

  /// One piece; `text` must outlive this object's use.
  void start(std::string_view text, bool is_first);
  [[nodiscard]] const std::vector<Piece>& list() const { return list_; }

  /// Finds the matches of a text, from left to right.
  using Find = std::function<void(std::string_view, std::vector<SplitRegex::Match>&)>;
  /// Cuts every piece at what `find` finds; `is_inverted`: at what lies between.
  void split(const Find& find, SplitBehaviour behaviour, bool is_inverted = false);

  /// Replaces the text of every piece by `change(piece)`.
  template <class Change>
  void rewrite(const Change& change) {
    for (Piece& piece : list_) piece.text = kept_.emplace_back(change(piece));
  }

 private:
  struct Span {
    std::size_t begin, end;
    bool is_match;
  };
  void cover(std::string_view text, const Find& find, bool is_inverted);
  void apply(SplitBehaviour behaviour);

  std::vector<Piece> list_, next_;
  std::deque<std::string> kept_;  // texts that steps made; their addresses stay
  std::vector<SplitRegex::Match> matches_;
  std::vector<Span> spans_;
};

}  // namespace lldm
