// SPDX-License-Identifier: MIT
#include "tokenizer/pieces.hpp"

#include <algorithm>

namespace lldm {

void Pieces::start(std::string_view text, bool is_first) {
  list_.clear();
  kept_.clear();
  if (!text.empty()) list_.push_back({text, is_first});
}

/// Matches and what lies between them, covering the whole text in order.
void Pieces::cover(std::string_view text, const Find& find, bool is_inverted) {
  spans_.clear();
  find(text, matches_);
  std::size_t done = 0;
  for (const auto [begin, end] : matches_) {
    if (done != begin) spans_.push_back({done, begin, is_inverted});
    spans_.push_back({begin, end, !is_inverted});
    done = end;
  }
  if (done != text.size()) spans_.push_back({done, text.size(), is_inverted});
}

/// huggingface/tokenizers, normalizer.rs, NormalizedString::split.
void Pieces::apply(SplitBehaviour behaviour) {
  if (behaviour == SplitBehaviour::isolated) return;
  if (behaviour == SplitBehaviour::removed) {
    std::erase_if(spans_, [](const Span& span) { return span.is_match; });
    return;
  }
  const bool is_backward = behaviour == SplitBehaviour::merged_with_next;
  if (is_backward) std::reverse(spans_.begin(), spans_.end());
  std::vector<Span> joined;
  bool previous = false;
  for (const Span& span : spans_) {
    const bool joins = behaviour == SplitBehaviour::contiguous ? span.is_match == previous
                                                               : span.is_match && !previous;
    if (!joins || joined.empty())
      joined.push_back(span);
    else if (is_backward)
      joined.back().begin = span.begin;
    else
      joined.back().end = span.end;
    previous = span.is_match;
  }
  if (is_backward) std::reverse(joined.begin(), joined.end());
  spans_ = std::move(joined);
}

void Pieces::split(const Find& find, SplitBehaviour behaviour, bool is_inverted) {
  next_.clear();
  for (const Piece& piece : list_) {
    cover(piece.text, find, is_inverted);
    apply(behaviour);
    for (const Span& span : spans_)
      if (span.begin < span.end)
        next_.push_back({piece.text.substr(span.begin, span.end - span.begin),
                         piece.is_first && span.begin == 0});
  }
  std::swap(list_, next_);
}

}  // namespace lldm
