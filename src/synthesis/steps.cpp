// SPDX-License-Identifier: MIT
#include "synthesis/steps.hpp"

#include <array>
#include <cctype>

namespace lldm::synthesis {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

void add(std::vector<Step>& steps, std::string_view text, std::size_t begin, std::size_t end) {
  const auto first = text.substr(0, end).find_first_not_of(kBlank, begin);
  if (first == std::string_view::npos) return;
  steps.push_back({first, text.substr(0, end).find_last_not_of(kBlank) + 1});
}

std::vector<Step> parted_by(std::string_view text, std::string_view mark) {
  std::vector<Step> steps;
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(mark, begin)) != std::string_view::npos;
       begin = at + mark.size())
    add(steps, text, begin, at);
  add(steps, text, begin, text.size());
  return steps;
}

/// "Mr. X", "St. X", "J. X": a short capitalised word before a full stop is no end.
bool is_title(std::string_view text, std::size_t stop) {
  std::size_t word = stop;
  while (word > 0 && std::isalpha(static_cast<unsigned char>(text[word - 1]))) --word;
  return word < stop && stop - word <= 2 && std::isupper(static_cast<unsigned char>(text[word]));
}

/// A full stop ends a sentence before a blank and a capital, a digit, or a mark of LaTeX.
bool ends_sentence(std::string_view text, std::size_t at) {
  if (text[at] != '.' && text[at] != '!' && text[at] != '?') return false;
  const auto next = text.find_first_not_of(kBlank, at + 1);
  if (next == std::string_view::npos || next == at + 1 || is_title(text, at)) return false;
  const auto c = static_cast<unsigned char>(text[next]);
  return std::isupper(c) || std::isdigit(c) || c == '$' || c == '\\' || c == '#';
}

std::vector<Step> sentences(std::string_view text) {
  std::vector<Step> steps;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!ends_sentence(text, at)) continue;
    add(steps, text, begin, at + 1);
    begin = at + 1;
  }
  add(steps, text, begin, text.size());
  return steps;
}

}  // namespace

std::vector<Step> find_steps(std::string_view text) {
  if (auto lines = parted_by(text, "\n"); lines.size() > 1) return lines;
  if (auto parts = parted_by(text, " ; "); parts.size() > 1) return parts;
  return sentences(text);
}

std::size_t step_at(const std::vector<Step>& steps, std::size_t offset) {
  std::size_t at = 0;
  while (at + 1 < steps.size() && steps[at + 1].begin <= offset) ++at;
  return at;
}

AnswerPlace find_answer(std::string_view text) {
  static constexpr std::array<std::string_view, 5> marks = {"#### ", "\\boxed{",
                                                            "Answer:", "answer is", "answer:"};
  std::size_t at = std::string_view::npos;
  for (const auto mark : marks)
    if (const auto found = text.rfind(mark);
        found != std::string_view::npos &&
        (at == std::string_view::npos || found + mark.size() > at))
      at = found + mark.size();
  if (at == std::string_view::npos) return {};
  AnswerPlace place{text.find_first_not_of(" \t$(", at), text.size(), true};
  if (place.begin == std::string_view::npos) return {};
  int depth = 0;  // "\boxed{\frac{1}{2}}" ends at its own brace
  for (std::size_t i = place.begin; i < text.size() && place.end == text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '\n' || (text[i] == '}' && depth-- == 0)) place.end = i;
  }
  while (place.end > place.begin &&
         std::string_view(" \t\r.$)").find(text[place.end - 1]) != std::string_view::npos)
    --place.end;
  if (place.end == place.begin) return {};
  return place;
}

}  // namespace lldm::synthesis
