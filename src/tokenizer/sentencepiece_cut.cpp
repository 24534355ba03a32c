// SPDX-License-Identifier: MIT
#include "tokenizer/sentencepiece_cut.hpp"

#include <algorithm>
#include <limits>

#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_fallback.hpp"

namespace lldm {
namespace {

using Type = SentencePieceModel::Type;
constexpr std::string_view kSpace = "\u2581";
constexpr float kUnknownPenalty = 10.0F;

}  // namespace

SentencePieceCutter::SentencePieceCutter(const SentencePieceModel& model)
    : model_(model), cache_(std::make_unique<PieceCache>()) {
  std::vector<std::pair<std::string_view, std::int32_t>> user_defined, all;
  least_score_ = std::numeric_limits<float>::max();
  largest_score_ = std::numeric_limits<float>::min();  // FLT_MIN, as in the library
  for (const auto& [text, id] : model.ids) {
    const auto& piece = model.pieces[static_cast<std::size_t>(id)];
    seams_.add_token(text);
    if (piece.type == Type::user_defined) user_defined.emplace_back(text, id);
    if (piece.type != Type::unused) all.emplace_back(text, id);
    if (piece.type != Type::normal) continue;
    least_score_ = std::min(least_score_, piece.score);
    largest_score_ = std::max(largest_score_, piece.score);
  }
  user_defined_ = ByteTrie(std::move(user_defined));
  if (model.kind == SentencePieceModel::Kind::unigram) trie_ = ByteTrie(std::move(all));
}

std::size_t SentencePieceCutter::unit_length(std::string_view text, bool& is_user_defined) const {
  std::size_t length = 0;
  user_defined_.for_each_prefix(text, [&](std::size_t matched, std::int32_t) { length = matched; });
  is_user_defined = length > 0;
  return is_user_defined ? length : code_point_at(text, 0).length;
}

std::pair<std::string_view, std::size_t> SentencePieceCutter::normalized_prefix(
    std::string_view text) const {
  bool is_user_defined = false;
  const std::size_t length = unit_length(text, is_user_defined);
  if (!is_user_defined)
    if (const auto replaced = model_.charsmap.longest(text))
      return {replaced->text, replaced->length};
  return {text.substr(0, length), length};
}

std::string SentencePieceCutter::normalized(std::string_view text) const {
  const bool removes = model_.remove_extra_whitespaces;
  const std::string_view space = model_.escape_whitespaces ? kSpace : " ";
  while (removes && !text.empty()) {
    const auto [made, length] = normalized_prefix(text);
    if (made != " ") break;
    text.remove_prefix(length);
  }
  std::string out;
  if (text.empty()) return out;
  out.reserve(text.size() * 3 / 2);
  if (model_.add_dummy_prefix) out += space;
  bool after_space = removes;
  while (!text.empty()) {
    auto [made, length] = normalized_prefix(text);
    text.remove_prefix(length);
    while (after_space && made.starts_with(' ')) made.remove_prefix(1);
    for (const char c : made)
      if (c == ' ')
        out += space;
      else
        out += c;
    if (!made.empty()) after_space = removes && made.ends_with(' ');
  }
  while (removes && std::string_view(out).ends_with(space)) out.resize(out.size() - space.size());
  return out;
}

void SentencePieceCutter::cut_characters(std::string_view text, Cut& cut) const {
  while (!text.empty()) {
    bool ignored = false;
    const std::string_view unit = text.substr(0, unit_length(text, ignored));
    cut.emplace_back(unit, model_.id_of(unit));
    text.remove_prefix(unit.size());
  }
}

/// A word goes from one space symbol to before the next.
void SentencePieceCutter::cut_words(std::string_view text, Cut& cut) const {
  while (!text.empty()) {
    const std::size_t first = code_point_at(text, 0).length;
    const std::string_view word = text.substr(0, std::min(text.find(kSpace, first), text.size()));
    cut.emplace_back(word, model_.id_of(word));
    text.remove_prefix(word.size());
  }
}

void SentencePieceCutter::cut_unigram(std::string_view text, Cut& cut) const {
  constexpr std::size_t kNowhere = ~std::size_t{0};
  struct Best {
    float score = 0;
    std::size_t begin = kNowhere;
    std::int32_t id = -1;
  };
  std::vector<Best> best(text.size() + 1);
  const auto offer = [&](std::size_t begin, std::size_t end, float score, std::int32_t id) {
    if (best[end].begin == kNowhere || score > best[end].score) best[end] = {score, begin, id};
  };
  const float unknown_score = least_score_ - kUnknownPenalty;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_at(text, at).length;
    bool has_single = false;
    trie_.for_each_prefix(text.substr(at), [&](std::size_t matched, std::int32_t id) {
      const float score =  // user-defined pieces always win
          model_.type_of(id) == Type::user_defined
              ? static_cast<float>(matched) * largest_score_ - 0.1F
              : model_.pieces[static_cast<std::size_t>(id)].score;
      offer(at, at + matched, score + best[at].score, id);
      has_single = has_single || matched == length;
    });
    if (!has_single) offer(at, at + length, unknown_score + best[at].score, model_.unknown);
    at += length;
  }
  for (std::size_t end = text.size(); end > 0; end = best[end].begin)
    cut.emplace_back(text.substr(best[end].begin, end - best[end].begin), best[end].id);
  std::reverse(cut.begin(), cut.end());
}

void SentencePieceCutter::put(const Cut& cut, bool& after_unknown,
                              std::vector<std::int64_t>& ids) const {
  for (const auto& [piece, id] : cut) {
    const bool is_unknown = id == model_.unknown;
    if (is_unknown && model_.byte_fallback)
      for (const char byte : piece)
        ids.push_back(model_.id_of(byte_fallback_token(static_cast<std::uint8_t>(byte))));
    else if (!is_unknown || !after_unknown)
      ids.push_back(id);  // unknown pieces in a row are one
    after_unknown = is_unknown;
  }
}

/// Merging never crosses a seam, so what lies between is cut by itself; kept is what has no unknown
/// piece, which would have to look at its neighbours.
void SentencePieceCutter::encode_bpe(std::string_view text, std::vector<std::int64_t>& ids) const {
  bool after_unknown = false;
  Cut cut;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, seams_.first(text));
    text.remove_prefix(part.size());
    if (cache_->find(part, ids)) {
      after_unknown = false;
      continue;
    }
    cut.clear();
    cut_bpe(part, cut);
    put(cut, after_unknown, ids);
    std::vector<std::int32_t> known;
    for (const auto& [piece, id] : cut)
      if (id != model_.unknown) known.push_back(id);
    if (known.size() == cut.size()) cache_->keep(part, std::move(known));
  }
}

void SentencePieceCutter::encode(std::string_view text, std::vector<std::int64_t>& ids) const {
  const std::string made = normalized(text);
  if (model_.kind == SentencePieceModel::Kind::bpe) return encode_bpe(made, ids);
  Cut cut;
  if (model_.kind == SentencePieceModel::Kind::unigram) cut_unigram(made, cut);
  if (model_.kind == SentencePieceModel::Kind::word) cut_words(made, cut);
  if (model_.kind == SentencePieceModel::Kind::character) cut_characters(made, cut);
  bool after_unknown = false;
  put(cut, after_unknown, ids);
}

}  // namespace lldm
