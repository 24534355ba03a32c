// SPDX-License-Identifier: MIT
// swapped_entity, negated_premise and unsupported_conclusion: errors of chains of statements.
#include <algorithm>
#include <array>
#include <cctype>

#include "lldm/errors.hpp"
#include "synthesis/words.hpp"
#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

/// The steps before the first conclusion, all but the last where none is marked.
std::size_t num_premises(const Chain& chain) {
  const auto first = std::find_if(chain.steps.begin(), chain.steps.end(), [&](const Step& step) {
    return is_conclusion(step.of(chain.text));
  });
  if (first != chain.steps.end()) return static_cast<std::size_t>(first - chain.steps.begin());
  return chain.steps.empty() ? 0 : chain.steps.size() - 1;
}

bool are_of_one_name(std::string_view a, std::string_view b) {
  return a.find(b) != std::string_view::npos || b.find(a) != std::string_view::npos;
}

struct Negation {
  std::string_view from, to;
};
/// The longer ones first: "is not" is no "is".
constexpr std::array<Negation, 21> kNegations = {
    {{" is not ", " is "},     {" are not ", " are "},   {" was not ", " was "},
     {" were not ", " were "}, {" does not ", " does "}, {" do not ", " do "},
     {" did not ", " did "},   {" will not ", " will "}, {" must not ", " must "},
     {" cannot ", " can "},    {" is ", " is not "},     {" are ", " are not "},
     {" was ", " was not "},   {" were ", " were not "}, {" can ", " cannot "},
     {" will ", " will not "}, {" must ", " must not "}, {"No ", "All "},
     {"No ", "Every "},        {"All ", "No "},          {"Every ", "No "}}};

void add(WrongChains& found, const Chain& chain, std::size_t step, const Edit& edit,
         std::string_view what) {
  std::string text = apply_edit(chain.text, edit);
  const Step& right = chain.steps[step];
  const std::size_t end = right.end + edit.text.size() - (edit.end - edit.begin);
  std::string after(std::string_view(text).substr(right.begin, end - right.begin));
  // What the prompt says itself is no error.
  if (chain.prompt.find(after) != std::string_view::npos) return;
  found.push_back({std::move(text), step, std::string(right.of(chain.text)), std::move(after),
                   message("step ", step + 1, " ", what)});
}

/// Letters of options: "A. ...", "(B) ...", "C) ...".
std::vector<std::string> options_of(std::string_view prompt) {
  std::vector<std::string> options;
  for (char letter = 'A'; letter <= 'E'; ++letter)
    for (const std::string_view mark : {".", ")"}) {
      const auto at = prompt.find(message(letter, mark));
      const bool begins = at != std::string_view::npos &&
                          (at == 0 || !std::isalnum(static_cast<unsigned char>(prompt[at - 1])));
      if (!begins) continue;
      options.emplace_back(1, letter);
      break;
    }
  return options;
}

/// What may be concluded in the place of the answer.
std::vector<std::string> other_conclusions(const Chain& chain, std::string_view answer) {
  static constexpr std::array<Negation, 8> contrary = {{{"yes", "no"},
                                                        {"no", "yes"},
                                                        {"Yes", "No"},
                                                        {"No", "Yes"},
                                                        {"true", "false"},
                                                        {"false", "true"},
                                                        {"True", "False"},
                                                        {"False", "True"}}};
  for (const auto& [from, to] : contrary)
    if (answer == from) return {std::string(to)};
  std::vector<std::string> options = options_of(chain.prompt);
  if (std::erase(options, answer) > 0) return options;
  std::vector<std::string> names = find_names(chain.prompt);
  if (find_names(answer).empty()) return {};  // a number or a phrase: nothing of its kind is known
  std::erase_if(names, [&](const std::string& name) {
    return are_of_one_name(name, answer) || !are_alike(chain.prompt, name, answer);
  });
  return names;
}

}  // namespace

WrongChains swap_entities(const Chain& chain) {
  WrongChains found;
  const std::vector<std::string> names = find_names(chain.prompt);
  const std::size_t steps = num_premises(chain);
  for (std::size_t at = 0; at < steps; ++at) {
    const Step& step = chain.steps[at];
    for (const std::string& name : names)
      for (const std::size_t place : places_of(step.of(chain.text), name))
        for (const std::string& other : names)
          // A step that names both would compare or relate somebody with himself.
          if (!are_of_one_name(name, other) && are_alike(chain.prompt, name, other) &&
              places_of(step.of(chain.text), other).empty())
            add(found, chain, at, {step.begin + place, step.begin + place + name.size(), other},
                message("names ", other, " for ", name));
  }
  return found;
}

WrongChains negate_premises(const Chain& chain) {
  WrongChains found;
  const std::size_t steps = num_premises(chain);
  for (std::size_t at = 0; at < steps; ++at) {
    const Step& step = chain.steps[at];
    const auto text = step.of(chain.text);
    std::vector<std::size_t> taken;
    for (const auto& [from, to] : kNegations) {
      const auto place = text.find(from);
      const bool is_head = from[0] != ' ';
      // "No bird is ..." becomes "Every bird is ...", "No birds are ..." "All birds are ...";
      // neither "No bird is not ...".
      const bool is_none = text.starts_with("No ");
      if (is_none && (!is_head || (to == "All ") == (text.find(" is ") != std::string_view::npos)))
        continue;
      if (place == std::string_view::npos || (is_head && place != 0) ||
          std::find(taken.begin(), taken.end(), place) != taken.end())
        continue;
      taken.push_back(place);
      add(found, chain, at, {step.begin + place, step.begin + place + from.size(), std::string(to)},
          "states the contrary of its premise");
    }
  }
  return found;
}

WrongChains change_conclusion(const Chain& chain) {
  WrongChains found;
  const auto place = find_answer(chain.text);
  if (!place.is_found) return found;
  const std::string answer(chain.text.substr(place.begin, place.end - place.begin));
  const std::size_t concludes = std::min(num_premises(chain), step_at(chain.steps, place.begin));
  for (const std::string& other : other_conclusions(chain, answer)) {
    std::string text = apply_edit(chain.text, {place.begin, place.end, other});
    // The statements that lead up to it say the same, from the last to the first.
    const std::size_t begin = chain.steps[concludes].begin;
    const auto before = chain.text.substr(begin, place.begin - begin);
    auto places = places_of(before, answer);
    if (answer == "yes" || answer == "no" || answer == "true" || answer == "false") places.clear();
    for (auto at = places.rbegin(); at != places.rend(); ++at)
      text = apply_edit(text, {begin + *at, begin + *at + answer.size(), other});
    found.push_back({std::move(text), step_at(chain.steps, place.begin), answer, other,
                     message("the steps do not give ", other)});
  }
  return found;
}

}  // namespace lldm::synthesis
