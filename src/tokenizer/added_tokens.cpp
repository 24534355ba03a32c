// SPDX-License-Identifier: MIT
#include "tokenizer/added_tokens.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/characters.hpp"

namespace lldm {
namespace {

std::size_t skip_space_back(std::string_view text, std::size_t at, std::size_t stop) {
  while (at > stop) {
    const std::size_t start = character_start(text, at - 1);
    if (!is_white_space(code_point_at(text, start).value)) break;
    at = start;
  }
  return std::max(at, stop);
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const CodePoint c = code_point_at(text, at);
    if (!is_white_space(c.value)) break;
    at += c.length;
  }
  return at;
}

/// The character at `at`, as text.
std::string_view character_at(std::string_view text, std::size_t at) {
  return text.substr(at, code_point_at(text, at).length);
}

}  // namespace

bool AddedTokens::is_word_character(std::string_view character) const {
  return !word_character_.find_all(character).empty();
}

bool AddedTokens::stands_alone(std::string_view text, std::size_t begin, std::size_t end) const {
  if (begin > 0 && is_word_character(character_at(text, character_start(text, begin - 1))))
    return false;
  return end == text.size() || !is_word_character(character_at(text, end));
}

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const Normalizer& normalizer) {
  for (const AddedToken& token : tokens) {
    const std::string text = token.normalized ? normalizer(token.content) : token.content;
    if (text.empty())
      throw DataError(message("the added token \"", token.content, "\" is empty when normalised"));
    by_id_[token.id] = token;
    matchers_[token.normalized][1].add(text, token.id);
    if (!token.special) matchers_[token.normalized][0].add(text, token.id);
  }
}

std::vector<AddedTokens::Segment> AddedTokens::split(std::string_view text, Stage stage,
                                                     SpecialText special) const {
  const TextMatcher& entries = matcher(stage, special);
  std::vector<Segment> segments;
  std::size_t done = 0, from = 0;
  while (!entries.empty()) {
    const TextMatcher::Match match = entries.find(text, from);
    if (match.begin == std::string_view::npos) break;
    from = match.end;
    const AddedToken& token = by_id_.at(match.id);
    if (token.single_word && !stands_alone(text, match.begin, match.end)) continue;
    std::size_t begin = match.begin, end = match.end;
    if (token.lstrip) begin = skip_space_back(text, begin, done);
    if (token.rstrip) end = skip_space(text, end);
    if (begin < done) begin = done;
    if (done < begin) segments.push_back({-1, text.substr(done, begin - done)});
    segments.push_back({token.id, text.substr(begin, end - begin)});
    done = end;
  }
  if (done < text.size()) segments.push_back({-1, text.substr(done)});
  return segments;
}

}  // namespace lldm
