// SPDX-License-Identifier: MIT
#include "tokenizer/word_models.hpp"

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

std::int64_t require_unknown(std::int64_t unknown, std::string_view piece) {
  if (unknown < 0)
    throw DataError(message("tokenizer_json: the vocabulary has no token for ", excerpt(piece, 0),
                            ", and no unknown token"));
  return unknown;
}

}  // namespace

void WordLevel::encode(std::string_view piece, SpecialText mode,
                       std::vector<std::int64_t>& ids) const {
  const std::int64_t id = table_.find_for_text(piece, mode);
  ids.push_back(id >= 0 ? id : require_unknown(unknown_, piece));
}

bool WordPiece::encode_known(std::string_view piece, SpecialText mode,
                             std::vector<std::int64_t>& ids) const {
  std::string candidate;
  for (std::size_t at = 0; at < piece.size();) {
    candidate = at > 0 ? prefix_ : "";
    const std::size_t prefix = candidate.size();
    candidate += piece.substr(at);
    std::int64_t id = -1;
    while (candidate.size() > prefix) {
      id = table_.find_for_text(candidate, mode);
      if (id >= 0) break;
      candidate.resize(character_start(candidate, candidate.size() - 1));
    }
    if (id < 0) return false;
    ids.push_back(id);
    at += candidate.size() - prefix;
  }
  return true;
}

void WordPiece::encode(std::string_view piece, SpecialText mode,
                       std::vector<std::int64_t>& ids) const {
  const std::size_t before = ids.size();
  const bool is_long = static_cast<std::int64_t>(count_characters(piece)) > max_characters_;
  if (!is_long && encode_known(piece, mode, ids)) return;
  ids.resize(before);
  ids.push_back(require_unknown(unknown_, piece));
}

}  // namespace lldm
