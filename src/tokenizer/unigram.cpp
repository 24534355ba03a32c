// SPDX-License-Identifier: MIT
#include "tokenizer/unigram.hpp"

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_fallback.hpp"

namespace lldm {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr std::size_t kNowhere = ~std::size_t{0};

/// The best cut that ends at a byte.
struct Best {
  double score = 0;
  std::size_t begin = kNowhere;  // of its last token
  std::int32_t id = -1;          // -1: unknown
};

}  // namespace

Unigram::Unigram(const TokenTable& table, std::vector<double> scores, std::int64_t unknown,
                 bool byte_fallback)
    : table_(table),
      scores_(std::move(scores)),
      unknown_(unknown),
      byte_fallback_(byte_fallback),
      cache_(std::make_unique<PieceCache>()) {
  unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  std::vector<std::pair<std::string_view, std::int32_t>> entries;
  for (std::int64_t id = 0; id < table.vocabulary_size; ++id)
    entries.emplace_back(table.text_of_id[static_cast<std::size_t>(id)],
                         static_cast<std::int32_t>(id));
  trie_ = ByteTrie(std::move(entries));
  for (unsigned byte = 0; byte < 256; ++byte)
    id_of_byte_[byte] = static_cast<std::int32_t>(table.find_for_text(
        byte_fallback_token(static_cast<std::uint8_t>(byte)), SpecialText::plain));
}

void Unigram::put_unknown(std::string_view text, std::vector<std::int32_t>& ids) const {
  const auto id = [&](char byte) { return id_of_byte_[static_cast<std::uint8_t>(byte)]; };
  if (byte_fallback_ &&
      std::all_of(text.begin(), text.end(), [&](char byte) { return id(byte) >= 0; })) {
    for (const char byte : text) ids.push_back(id(byte));
    return;
  }
  if (unknown_ < 0)
    throw DataError(message("tokenizer_json: the vocabulary has no token for ", excerpt(text, 0),
                            ", and no unknown token"));
  ids.push_back(static_cast<std::int32_t>(unknown_));
}

void Unigram::cut(std::string_view piece, SpecialText mode, std::vector<std::int32_t>& ids) const {
  std::vector<Best> best(piece.size() + 1);
  const auto offer = [&](std::size_t begin, std::size_t end, double score, std::int32_t id) {
    if (best[end].begin == kNowhere || score > best[end].score) best[end] = {score, begin, id};
  };
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = code_point_at(piece, at).length;
    bool has_single = false;
    trie_.for_each_prefix(piece.substr(at), [&](std::size_t matched, std::int32_t id) {
      if (!table_.is_allowed(id, mode)) return;
      offer(at, at + matched, scores_[static_cast<std::size_t>(id)] + best[at].score,
            id == unknown_ ? -1 : id);
      has_single = has_single || matched == length;
    });
    if (!has_single) offer(at, at + length, unknown_score_ + best[at].score, -1);
    at += length;
  }
  std::vector<std::pair<std::size_t, std::int32_t>> path;  // begin and id, from behind
  for (std::size_t end = piece.size(); end > 0; end = path.back().first) {
    const Best& last = best[end];
    if (last.id < 0 && !path.empty() && path.back().second < 0)
      path.back().first = last.begin;
    else
      path.emplace_back(last.begin, last.id);
  }
  for (std::size_t i = path.size(); i-- > 0;) {
    const auto [begin, id] = path[i];
    const std::size_t end = i > 0 ? path[i - 1].first : piece.size();
    if (id >= 0)
      ids.push_back(id);
    else
      put_unknown(piece.substr(begin, end - begin), ids);
  }
}

void Unigram::encode(std::string_view piece, SpecialText mode,
                     std::vector<std::int64_t>& ids) const {
  cache_->encode(piece, mode, ids,
                 [&](std::vector<std::int32_t>& symbols) { cut(piece, mode, symbols); });
}

}  // namespace lldm
