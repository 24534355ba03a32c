// SPDX-License-Identifier: MIT
#include "eval/word_stories.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "lldm/errors.hpp"

namespace lldm::eval {
namespace {

struct Person {
  std::string_view name;
  std::string_view pronoun;
};
constexpr std::array<Person, 6> kPeople = {
    {{"ann", "she"}, {"ben", "he"}, {"tom", "he"}, {"sue", "she"}, {"max", "he"}, {"eva", "she"}}};
constexpr std::array<std::string_view, 8> kObjects = {"apples", "pears",  "plums", "coins",
                                                      "cards",  "shells", "books", "stamps"};
constexpr std::array<std::string_view, 3> kGains = {"buys", "finds", "picks"};
constexpr std::array<std::string_view, 3> kLosses = {"gives", "loses", "sells"};

enum class Shape { owner, box, bus, comparison };

template <class List>
const auto& pick(const List& list, Stream& draws) {
  return list[static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(list.size())))];
}

std::int64_t count_words(const std::string& text) {
  return static_cast<std::int64_t>(std::count(text.begin(), text.end(), ' ')) + 1;
}

// Different people and objects for the parts of one story.
struct Cast {
  std::array<Person, 4>
      people;  // the one asked about, a second, one who is given things, a bystander
  std::string_view object, other_object;
};

Cast draw_cast(Stream& draws) {
  const auto order = draws.permutation(static_cast<std::int64_t>(kPeople.size()));
  std::vector<Person> same, other;  // as the one asked about, whom "she" or "he" must mean alone
  for (const auto i : order) {
    const auto& person = kPeople[static_cast<std::size_t>(i)];
    const bool is_same = person.pronoun == kPeople[static_cast<std::size_t>(order[0])].pronoun;
    (is_same ? same : other).push_back(person);
  }
  Cast cast{};
  cast.people = {same[0], other[0], draws.below(2) == 0 ? same[1] : other[2], other[1]};
  const auto objects = draws.permutation(static_cast<std::int64_t>(kObjects.size()));
  cast.object = kObjects[static_cast<std::size_t>(objects[0])];
  cast.other_object = kObjects[static_cast<std::size_t>(objects[1])];
  return cast;
}

std::string owner_event(const Cast& cast, Operation operation, Stream& draws) {
  const auto [name, pronoun] = cast.people[0];
  if (operation.sign == '+')
    return message(pronoun, ' ', pick(kGains, draws), ' ', operation.operand, " more .");
  const auto verb = pick(kLosses, draws);
  return verb == "gives"
             ? message(pronoun, " gives ", operation.operand, " to ", cast.people[2].name, " .")
             : message(pronoun, ' ', verb, ' ', operation.operand, " .");
}

std::string event(Shape shape, const Cast& cast, Operation operation, Stream& draws) {
  const bool is_gain = operation.sign == '+';
  switch (shape) {
    case Shape::box: {
      const auto name = cast.people[static_cast<std::size_t>(draws.below(2))].name;
      return is_gain ? message(name, " puts ", operation.operand, " in .")
                     : message(name, " takes ", operation.operand, " out .");
    }
    case Shape::bus:
      return is_gain ? message(operation.operand, " more get on .")
                     : message(operation.operand, " get off .");
    case Shape::owner:
    case Shape::comparison:
      return owner_event(cast, operation, draws);
  }
  return {};
}

// The sentences of a chain without the question; a comparison tells its first operation itself.
std::vector<std::string> tell_events(Shape shape, const Cast& cast, const Chain& chain,
                                     Stream& draws) {
  const auto start = chain.steps.front().left;
  std::vector<std::string> sentences;
  std::size_t first = 0;
  switch (shape) {
    case Shape::owner:
      sentences.push_back(message(cast.people[0].name, " has ", start, ' ', cast.object, " ."));
      break;
    case Shape::box:
      sentences.push_back(message("a box has ", start, ' ', cast.object, " ."));
      break;
    case Shape::bus:
      sentences.push_back(message("a bus has ", start, " people ."));
      break;
    case Shape::comparison: {
      const auto operation = chain.steps.front().operation;
      sentences.push_back(message(cast.people[1].name, " has ", start, ' ', cast.object, " ."));
      sentences.push_back(message(cast.people[0].name, " has ", operation.operand,
                                  operation.sign == '+' ? " more" : " fewer", " than ",
                                  cast.people[1].name, " ."));
      first = 1;
      break;
    }
  }
  for (std::size_t i = first; i < chain.steps.size(); ++i)
    sentences.push_back(event(shape, cast, chain.steps[i].operation, draws));
  return sentences;
}

std::string question(Shape shape, const Cast& cast) {
  switch (shape) {
    case Shape::box:
      return message("how many ", cast.object, " are in the box now ?");
    case Shape::bus:
      return "how many people are on the bus now ?";
    case Shape::owner:
    case Shape::comparison:
      break;
  }
  return message("how many ", cast.object, " does ", cast.people[0].name, " have now ?");
}

}  // namespace

std::string tell_story(const Chain& chain, const WordProblems::Options& options, Stream& draws) {
  constexpr std::array shapes = {Shape::owner, Shape::box, Shape::bus, Shape::comparison};
  const Shape shape = options.stories == StorySet::owner ? Shape::owner : pick(shapes, draws);
  const Cast cast = draw_cast(draws);
  auto sentences = tell_events(shape, cast, chain, draws);
  const std::string asked = question(shape, cast);

  std::int64_t num_words = count_words(asked);
  for (const auto& sentence : sentences) num_words += count_words(sentence);
  // Drawn in any case, so that the share does not change what follows.
  const bool is_wanted = draws.uniform() < options.distractor_share;
  const auto highest = std::min(options.start_max, options.value_max);
  const std::string distractor =
      message(cast.people[3].name, " has ",
              options.start_min + draws.below(highest - options.start_min + 1), ' ',
              cast.other_object, " .");
  const auto place = 1 + draws.below(static_cast<std::int64_t>(sentences.size()));
  if (is_wanted && num_words + count_words(distractor) <= kMaxStoryWords)
    sentences.insert(sentences.begin() + place, distractor);

  std::string story;
  for (const auto& sentence : sentences) story += sentence + ' ';
  return story + asked;
}

std::vector<std::string> story_words() {
  std::vector<std::string> words;
  for (const auto& person : kPeople) {
    words.emplace_back(person.name);
    words.emplace_back(person.pronoun);
  }
  for (const auto& list : {std::vector<std::string_view>(kObjects.begin(), kObjects.end()),
                           std::vector<std::string_view>(kGains.begin(), kGains.end()),
                           std::vector<std::string_view>(kLosses.begin(), kLosses.end())})
    words.insert(words.end(), list.begin(), list.end());
  std::istringstream rest(
      "has more . to than fewer a box bus people puts in takes out get on off "
      "how many are the does have now ?");
  for (std::string word; rest >> word;) words.push_back(word);
  return words;
}

}  // namespace lldm::eval
