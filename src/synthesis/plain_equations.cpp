// SPDX-License-Identifier: MIT
#include "synthesis/plain_equations.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "lldm/errors.hpp"
#include "synthesis/equations.hpp"

namespace lldm::synthesis {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::size_t skip(std::string_view text, std::size_t at, std::string_view what) {
  return std::min(text.find_first_not_of(what, at), text.size());
}

/// Calls `visit(words, from)` of every "=" outside annotations: the words before it, back to the
/// "=", annotation or line end before, and where what follows it begins.
template <class Visit>
void for_each_equality(std::string_view text, const Visit& visit) {
  const std::vector<Annotation> annotations = find_annotations(text);
  auto annotation = annotations.begin();
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (annotation != annotations.end() && at >= annotation->begin) {
      begin = at = annotation->end;
      --at;
      ++annotation;
      continue;
    }
    if (text[at] == '\n') begin = at + 1;
    if (text[at] != '=') continue;
    visit(text.substr(begin, at - begin), skip(text, at + 1, " $\\"));
    begin = at + 1;
  }
}

/// Whether what follows a number makes it a part of something else: "= 24 + 5", "= 24%", "= 2x".
bool goes_on(std::string_view text, std::size_t after) {
  if (after >= text.size()) return false;
  if (text[after] == '%' || text[after] == '^' || text[after] == '/' || text[after] == '<' ||
      is_letter(text[after]) || text.substr(after).starts_with("\\%"))
    return true;
  const std::size_t next = skip(text, after, " $");
  if (next >= text.size()) return false;
  const auto rest = text.substr(next);
  for (const std::string_view sign :
       {"+", "*", "/", "\xC3\x97", "\xC3\xB7", "\\cdot", "\\times", "\\div"})
    if (rest.starts_with(sign)) return true;
  const std::size_t operand = skip(text, next + 1, " $");
  return (rest[0] == '-' || rest[0] == 'x') && operand < text.size() && is_digit(text[operand]);
}

/// The signs at the end of the words that may belong to one expression.
std::vector<Sign> last_run(std::string_view words) {
  std::vector<Sign> signs = signs_of(words);
  std::size_t begin = signs.size();
  while (begin > 0) {
    const Sign& sign = signs[begin - 1];
    const bool is_legal = is_digit(sign.sign) ||
                          std::string_view(".+-*/()").find(sign.sign) != std::string_view::npos;
    const bool is_in_word =
        is_letter(words[sign.begin]) && ((sign.begin > 0 && is_letter(words[sign.begin - 1])) ||
                                         (sign.end < words.size() && is_letter(words[sign.end])));
    if (!is_legal || is_in_word) break;
    // "in 2 24/2 =": digits with a blank between are two numbers.
    if (begin < signs.size()) {
      const Sign& next = signs[begin];
      const auto between = words.substr(sign.end, next.begin - sign.end);
      if (is_digit(sign.sign) && is_digit(next.sign) && !between.empty() && between != ",") break;
    }
    --begin;
  }
  signs.erase(signs.begin(), signs.begin() + static_cast<std::ptrdiff_t>(begin));
  return signs;
}

/// The longest end of the words that is an expression with this value; "" if there is none.
std::string expression_before(std::string_view words, double value) {
  const std::vector<Sign> signs = last_run(words);
  std::string shown;
  for (const Sign& sign : signs) shown += sign.sign;
  for (std::size_t from = 0; from < shown.size(); ++from) {
    const char c = shown[from];
    if (!is_digit(c) && c != '(' && c != '.') continue;
    if (from > 0 && is_digit(c) && (is_digit(shown[from - 1]) || shown[from - 1] == '.')) continue;
    const std::string expression = shown.substr(from);
    if (expression.find_first_of("+-*/", 1) == std::string::npos) return "";
    if (const auto found = evaluate(expression); found && is_same(*found, value)) return expression;
  }
  return "";
}

}  // namespace

std::vector<Sign> signs_of(std::string_view words) {
  static constexpr std::pair<std::string_view, char> spellings[] = {{"\xC3\x97", '*'},
                                                                    {"x", '*'},
                                                                    {"X", '*'},
                                                                    {"\xC3\xB7", '/'},
                                                                    {"\xE2\x80\x93", '-'},
                                                                    {"\xE2\x88\x92", '-'},
                                                                    {"\\cdot", '*'},
                                                                    {"\\times", '*'},
                                                                    {"\\div", '/'},
                                                                    {"\\$", 0},
                                                                    {"\\,", 0},
                                                                    {"{,}", 0}};
  std::vector<Sign> signs;
  for (std::size_t at = 0; at < words.size();) {
    const auto rest = words.substr(at);
    const auto* spelling =
        std::find_if(std::begin(spellings), std::end(spellings),
                     [&](const auto& one) { return rest.starts_with(one.first); });
    const bool is_spelt = spelling != std::end(spellings);
    const std::size_t size = is_spelt ? spelling->first.size() : 1;
    const bool is_skipped =
        rest[0] == ' ' || rest[0] == '$' || rest[0] == ',' || (is_spelt && spelling->second == 0);
    if (!is_skipped) signs.push_back({is_spelt ? spelling->second : rest[0], at, at + size});
    at += size;
  }
  return signs;
}

std::vector<PlainEquation> find_plain_equations(std::string_view text) {
  std::vector<PlainEquation> found;
  for_each_equality(text, [&](std::string_view words, std::size_t from) {
    const auto numbers = find_numbers(text.substr(from, 40));
    if (numbers.empty() || numbers.front().begin != 0) return;
    if (goes_on(text, from + numbers.front().end)) return;
    const auto result = write_value(numbers.front().value, false);
    const std::string expression = result ? expression_before(words, numbers.front().value) : "";
    if (!expression.empty()) found.push_back({from, expression, *result});
  });
  return found;
}

namespace {

/// What stands around each "=" that no annotation follows: "3x + 2 = 11".
std::set<std::string> other_equalities(std::string_view text) {
  std::set<std::string> found;
  for_each_equality(text, [&](std::string_view words, std::size_t from) {
    if (text.substr(from).starts_with("<<")) return;
    const auto begin = static_cast<std::size_t>(words.data() - text.data());
    found.emplace(
        text.substr(begin, std::min(text.find_first_of(" \n", from), text.size()) - begin));
  });
  return found;
}

std::size_t num_untrue(std::string_view text) {
  const auto annotations = find_annotations(text);
  return static_cast<std::size_t>(std::count_if(annotations.begin(), annotations.end(),
                                                [](const auto& one) { return !one.is_true; }));
}

}  // namespace

std::string inconsistency(std::string_view right, std::string_view wrong, std::size_t most_new) {
  if (const std::size_t had = num_untrue(right), has = num_untrue(wrong); has > had + most_new)
    return message(has - had, " equations are untrue");
  const std::set<std::string> known = other_equalities(right);
  for (const std::string& equality : other_equalities(wrong))
    if (!known.contains(equality)) return message("an equality was changed: ", equality);
  return "";
}

}  // namespace lldm::synthesis
