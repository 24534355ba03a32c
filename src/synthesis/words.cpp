// SPDX-License-Identifier: MIT
#include "synthesis/words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace lldm::synthesis {
namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || (c & 0x80) != 0; }
bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }

/// Words that are capitalised for where they stand.
const std::set<std::string_view>& heads() {
  static const std::set<std::string_view> words = {
      "A",         "After",   "Afterwards", "All",      "Also",       "Although", "Altogether",
      "An",        "And",     "Another",    "Answer",   "Any",        "Are",      "As",
      "At",        "Because", "Before",     "Between",  "Both",       "But",      "By",
      "Can",       "Context", "Currently",  "Did",      "Do",         "Does",     "During",
      "Each",      "Either",  "Every",      "Everyone", "Finally",    "First",    "Five",
      "For",       "Four",    "From",       "Given",    "Has",        "Have",     "He",
      "Hence",     "Her",     "Here",       "His",      "How",        "However",  "I",
      "If",        "In",      "Initially",  "Is",       "It",         "Its",      "Lastly",
      "Later",     "Let",     "Meanwhile",  "Neither",  "Next",       "No",       "Nobody",
      "None",      "Not",     "Now",        "Of",       "On",         "Once",     "One",
      "Only",      "Option",  "Options",    "Or",       "Originally", "Other",    "Over",
      "Overall",   "Premise", "Premises",   "Question", "Reasoning",  "Second",   "She",
      "Since",     "So",      "Some",       "Someone",  "Step",       "Suppose",  "Ten",
      "Than",      "That",    "The",        "Their",    "Then",       "There",    "Therefore",
      "These",     "They",    "Third",      "This",     "Those",      "Three",    "Thus",
      "To",        "Today",   "Together",   "Tomorrow", "Total",      "Two",      "Under",
      "Was",       "We",      "Were",       "What",     "When",       "Where",    "Which",
      "While",     "Who",     "Whose",      "Why",      "Will",       "With",     "Yes",
      "Yesterday", "You"};
  return words;
}

std::size_t word_end(std::string_view text, std::size_t at) {
  while (at < text.size() && (is_letter(text[at]) ||
                              (text[at] == '-' && at + 1 < text.size() && is_letter(text[at + 1]))))
    ++at;
  return at;
}

/// The next capitalised word behind `at` where only a blank, or " of ", parts them; else `at`.
std::size_t longer(std::string_view text, std::size_t at) {
  std::size_t next = at;
  if (text.substr(at).starts_with(" of ")) next = at + 3;
  if (next + 1 >= text.size() || text[next] != ' ' || !is_upper(text[next + 1])) return at;
  return word_end(text, next + 1);
}

}  // namespace

std::vector<std::string> find_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const bool begins = is_upper(text[at]) && (at == 0 || !is_letter(text[at - 1]));
    if (!begins) {
      ++at;
      continue;
    }
    std::size_t end = word_end(text, at);
    if (heads().contains(text.substr(at, end - at))) {
      at = end;
      continue;
    }
    for (std::size_t more; (more = longer(text, end)) != end;) end = more;
    std::string name(text.substr(at, end - at));
    if (name.size() > 1 && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
    at = end;
  }
  return names;
}

std::vector<std::size_t> places_of(std::string_view text, std::string_view word) {
  std::vector<std::size_t> places;
  const auto is_part = [](char c) {
    return is_letter(c) || std::isdigit(static_cast<unsigned char>(c));
  };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at > 0 && is_part(text[at - 1])) || (end < text.size() && is_part(text[end]))) continue;
    if (longer(text, end) != end) continue;  // "Ed" of "Ed Wood"
    std::size_t before = at;
    while (before > 1 && is_letter(text[before - 2])) --before;
    const auto previous =
        at > 1 && text[at - 1] == ' ' ? text.substr(before - 1, at - before) : std::string_view();
    if (!previous.empty() && is_upper(previous[0]) && !heads().contains(previous)) continue;
    places.push_back(at);
  }
  return places;
}

namespace {

/// The words before a name, in lower case; "" where it begins a sentence or a line.
std::set<std::string> words_before(std::string_view text, std::string_view name) {
  std::set<std::string> words;
  for (std::size_t at : places_of(text, name)) {
    if (at == 0 || text[at - 1] != ' ') {
      words.emplace();
      continue;
    }
    const std::size_t end = --at;
    while (at > 0 && is_letter(text[at - 1])) --at;
    std::string word(text.substr(at, end - at));
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    words.insert(std::move(word));
  }
  return words;
}

}  // namespace

bool are_alike(std::string_view text, std::string_view a, std::string_view b) {
  const std::set<std::string> before = words_before(text, a), other = words_before(text, b);
  return std::any_of(before.begin(), before.end(),
                     [&](const std::string& word) { return other.contains(word); });
}

bool is_conclusion(std::string_view step) {
  static constexpr std::array<std::string_view, 10> marks = {
      "So ",  "So, ",    "Therefore", "Thus",       "Hence",
      "####", "Answer:", "Finally",   "The answer", "Consequently"};
  return std::any_of(marks.begin(), marks.end(),
                     [&](std::string_view mark) { return step.starts_with(mark); });
}

}  // namespace lldm::synthesis
