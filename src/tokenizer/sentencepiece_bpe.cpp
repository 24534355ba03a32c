// SPDX-License-Identifier: MIT
// SentencePiece's BPE: of all neighbours that together are a piece, those of the best score become
// it first, the leftmost of equals.
#include <functional>
#include <queue>
#include <unordered_map>

#include "tokenizer/sentencepiece_cut.hpp"

namespace lldm {
namespace {

constexpr std::int32_t kNone = -1;

struct Symbol {
  std::int32_t previous, next;
  bool is_frozen;  // user-defined: merges with nothing
  std::string_view text;
};
struct Pair {
  std::int32_t left, right;
  float score;
  std::size_t size;
};
struct IsWorse {
  bool operator()(const Pair& a, const Pair& b) const {
    return a.score < b.score || (a.score == b.score && a.left > b.left);
  }
};

/// The merging of one text.
class Merger {
 public:
  Merger(const SentencePieceModel& model, std::vector<Symbol> symbols)
      : model_(model), symbols_(std::move(symbols)) {}

  void run() {
    for (std::size_t i = 1; i < symbols_.size(); ++i)
      offer(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
    while (!queue_.empty()) {
      const Pair top = queue_.top();
      queue_.pop();
      Symbol &left = at(top.left), &right = at(top.right);
      if (left.text.empty() || right.text.empty() ||
          left.text.size() + right.text.size() != top.size)
        continue;  // one of the two was merged since
      left.text = {left.text.data(), top.size};
      left.next = right.next;
      if (right.next != kNone) at(right.next).previous = top.left;
      right.text = {};
      offer(left.previous, top.left);
      offer(top.left, left.next);
    }
  }

  /// What is left, with pieces that are marked as unused taken apart again.
  template <class Put>
  void for_each(const Put& put) const {
    for (std::int32_t i = symbols_.empty() ? kNone : 0; i != kNone;
         i = symbols_[static_cast<std::size_t>(i)].next)
      put_used(symbols_[static_cast<std::size_t>(i)].text, put);
  }

 private:
  Symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }

  void offer(std::int32_t left, std::int32_t right) {
    if (left == kNone || right == kNone || at(left).is_frozen || at(right).is_frozen) return;
    const std::string_view a = at(left).text, b = at(right).text;
    const std::string_view joined(a.data(), a.size() + b.size());
    const auto found = model_.ids.find(joined);
    if (found == model_.ids.end()) return;
    const auto& piece = model_.pieces[static_cast<std::size_t>(found->second)];
    queue_.push({left, right, piece.score, joined.size()});
    if (piece.type == SentencePieceModel::Type::unused) parts_.insert_or_assign(joined, a.size());
  }

  template <class Put>
  void put_used(std::string_view text, const Put& put) const {
    const std::int32_t id = model_.id_of(text);
    const auto parts = parts_.find(text);
    if (model_.type_of(id) != SentencePieceModel::Type::unused || parts == parts_.end())
      return put(text, id);
    put_used(text.substr(0, parts->second), put);
    put_used(text.substr(parts->second), put);
  }

  const SentencePieceModel& model_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair, std::vector<Pair>, IsWorse> queue_;
  std::unordered_map<std::string_view, std::size_t> parts_;
};

}  // namespace

void SentencePieceCutter::cut_bpe(std::string_view text, Cut& cut) const {
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < text.size();) {
    bool is_user_defined = false;
    const std::size_t length = unit_length(text.substr(at), is_user_defined);
    const auto index = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({index - 1, index + 1, is_user_defined, text.substr(at, length)});
    at += length;
  }
  if (!symbols.empty()) symbols.back().next = kNone;
  Merger merger(model_, std::move(symbols));
  merger.run();
  merger.for_each([&](std::string_view piece, std::int32_t id) { cut.emplace_back(piece, id); });
}

}  // namespace lldm
