// SPDX-License-Identifier: MIT
// unit: a number has another unit of the same dimension.
#include <array>
#include <cctype>

#include "lldm/errors.hpp"
#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

struct Unit {
  std::string_view one, many;
};
constexpr std::size_t kMost = 8;
/// Units that may stand for one another.
constexpr std::array<std::array<Unit, kMost>, 6> kDimensions = {
    {{{{"second", "seconds"},
       {"minute", "minutes"},
       {"hour", "hours"},
       {"day", "days"},
       {"week", "weeks"},
       {"month", "months"},
       {"year", "years"}}},
     {{{"inch", "inches"},
       {"foot", "feet"},
       {"yard", "yards"},
       {"mile", "miles"},
       {"centimeter", "centimeters"},
       {"meter", "meters"},
       {"kilometer", "kilometers"}}},
     {{{"ounce", "ounces"},
       {"pound", "pounds"},
       {"gram", "grams"},
       {"kilogram", "kilograms"},
       {"ton", "tons"}}},
     {{{"pint", "pints"},
       {"quart", "quarts"},
       {"gallon", "gallons"},
       {"liter", "liters"},
       {"milliliter", "milliliters"}}},
     {{{"cent", "cents"}, {"dollar", "dollars"}}},
     {{{"cm", "cm"}, {"km", "km"}, {"mm", "mm"}}}}};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

void add(WrongChains& found, const Chain& chain, const Edit& edit, std::string before,
         std::string after) {
  const std::size_t step = step_at(chain.steps, edit.begin);
  std::string what = message("step ", step + 1, " says ", after, " for ", before);
  found.push_back(
      {apply_edit(chain.text, edit), step, std::move(before), std::move(after), std::move(what)});
}

/// Every other unit in the place of the word at [begin, end), if that is one.
void add_words(WrongChains& found, const Chain& chain, std::size_t begin, std::size_t end) {
  const auto word = chain.text.substr(begin, end - begin);
  for (const auto& dimension : kDimensions)
    for (const Unit& unit : dimension) {
      if (unit.one.empty() || (word != unit.one && word != unit.many)) continue;
      const bool is_one = word == unit.one;
      for (const Unit& other : dimension) {
        if (other.one.empty() || other.one == unit.one) continue;
        const std::string_view name = is_one ? other.one : other.many;
        add(found, chain, {begin, end, std::string(name)}, std::string(word), std::string(name));
      }
      return;
    }
}

}  // namespace

WrongChains change_units(const Chain& chain) {
  WrongChains found;
  // The final answer keeps its unit: "#### 10" has none.
  const auto answer = find_answer(chain.text);
  for (const auto& number : find_numbers(chain.text)) {
    if (answer.is_found && number.begin >= answer.begin) break;
    const bool is_inside = [&] {
      for (const auto& annotation : chain.annotations)
        if (number.begin >= annotation.begin && number.begin < annotation.end) return true;
      return false;
    }();
    if (is_inside) continue;
    std::size_t begin = number.end;
    while (begin < chain.text.size() &&
           std::string_view(" -$").find(chain.text[begin]) != std::string_view::npos)
      ++begin;
    std::size_t end = begin;
    while (end < chain.text.size() && is_letter(chain.text[end])) ++end;
    add_words(found, chain, begin, end);
    // "$<<12*5=60>>60" is 60 cents.
    std::size_t sign = number.begin;
    for (const auto& annotation : chain.annotations)
      if (annotation.end == number.begin) sign = annotation.begin;
    if (sign == number.begin || sign == 0 || chain.text[sign - 1] != '$') continue;
    const auto result = chain.text.substr(sign, number.end - sign);
    const auto digits = chain.text.substr(number.begin, number.end - number.begin);
    add(found, chain, {sign - 1, number.end, message(result, " cents")}, message('$', digits),
        message(digits, " cents"));
  }
  return found;
}

}  // namespace lldm::synthesis
