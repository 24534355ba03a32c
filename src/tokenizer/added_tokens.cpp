// SPDX-License-Identifier: MIT
#include "tokenizer/added_tokens.hpp"

#include <utf8proc.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/utf8.hpp"

namespace lldm {
namespace {

bool is_white_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/// \w of Rust's regex: Alphabetic, marks, decimal numbers, connectors, joiners.
bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      break;
  }
  return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189);
}

/// Start of the character that ends before `end`.
std::size_t previous_start(std::string_view text, std::size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && is_word_character(code_point_at(text, previous_start(text, begin)).value))
    return false;
  return end == text.size() || !is_word_character(code_point_at(text, end).value);
}

std::size_t skip_space_back(std::string_view text, std::size_t at, std::size_t stop) {
  while (at > stop) {
    const std::size_t start = previous_start(text, at);
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

}  // namespace

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
