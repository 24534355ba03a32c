// SPDX-License-Identifier: MIT
#include "lldm/laws/task_laws.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

constexpr std::size_t kMostExamples = 50;

std::vector<Example> some_examples(const AnyTask& task) {
  std::vector<Example> all = task.examples();
  all.resize(std::min(all.size(), kMostExamples));
  return all;
}

bool same(const Verdict& a, const Verdict& b) {
  return a.is_correct == b.is_correct && a.grade == b.grade && a.extracted == b.extracted &&
         a.metrics == b.metrics;
}

/// What a model may write.
std::vector<std::string> outputs_of(const Example& example) {
  using namespace std::string_literals;
  return {"",
          " ",
          example.answer,
          example.answer + "\n",
          example.prompt,
          "\xff\xfe\x80"s,
          "a\0b"s,
          std::string(5000, '('),
          "####",
          "\\boxed{",
          "1e999",
          "-",
          "nan",
          "\xe2\x88\x9e",
          "9999999999999999999999"};
}

Finding check_examples(const AnyTask& task) {
  const std::vector<Example> first = task.examples(), second = task.examples();
  if (first.empty()) return fails("it has no example", "at least one");
  if (first.size() != second.size())
    return fails(message(first.size(), " examples, then ", second.size()), "the same list");
  std::set<std::string> ids;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const Example& a = first[i];
    const Example& b = second[i];
    if (a.id != b.id || a.prompt != b.prompt || a.answer != b.answer)
      return fails(message("example ", i, " is another the second time"),
                   "the same ones in the same order");
    if (a.id.empty() || !ids.insert(a.id).second)
      return fails(message("example ", i, " has the id \"", a.id, "\""),
                   "an id that no other example has");
    if (a.prompt.empty()) return fails(message("example ", a.id, " has no prompt"), "a prompt");
  }
  return holds(message(first.size(), " examples"));
}

Finding check_verdicts(const AnyTask& task) {
  int checked = 0;
  for (const Example& example : some_examples(task))
    for (const std::string& output : outputs_of(example)) {
      Verdict first;
      const auto shown = [&] {
        return message("example ", example.id, ", an output of ", output.size(), " bytes: ");
      };
      try {
        first = task.check(example, output);
      } catch (const std::exception& error) {
        return fails(shown() + "check threw \"" + error.what() + "\"", "a verdict on any bytes");
      }
      if (!same(first, task.check(example, output)))
        return fails(shown() + "two verdicts differ", "a function of example and output");
      if (!std::isfinite(first.grade))
        return fails(message(shown(), "the grade is ", first.grade), "a finite grade");
      for (const auto& [name, figure] : first.metrics)
        if (!std::isfinite(figure))
          return fails(message(shown(), "metric ", name, " is ", figure), "a finite figure");
      ++checked;
    }
  return holds(message(checked, " outputs twice"));
}

Finding check_answers(const AnyTask& task) {
  int answers = 0;
  for (const Example& example : some_examples(task)) {
    if (example.answer.empty()) continue;
    ++answers;
    if (!task.check(example, example.answer).is_correct)
      return fails("the answer of example " + example.id + " is not correct",
                   "reference answers that its own check accepts, or none");
  }
  if (answers == 0) return unchecked("no example has an answer");
  return holds(message(answers, " answers"));
}

Finding check_injection(const AnyTask& task) {
  if (!task.can_inject()) return unchecked("it injects no errors");
  int injected = 0;
  for (const Example& example : some_examples(task)) {
    Stream draws =
        Draws(1, "laws").stream(Purpose::injection, 0, static_cast<std::uint64_t>(injected));
    Stream again = draws;
    const auto first = task.inject_error(example, draws);
    const auto second = task.inject_error(example, again);
    if (first.has_value() != second.has_value() || (first && first->text != second->text))
      return fails("example " + example.id + ": equal draws give other errors",
                   "a function of example and draws");
    if (!first) continue;
    ++injected;
    if (task.check(example, first->text).is_correct)
      return fails("example " + example.id + ": the error \"" + first->kind + "\" is still correct",
                   "a text that check calls wrong");
  }
  return holds(message(injected, " errors"));
}

}  // namespace

std::vector<Law> task_laws(const AnyTask& task) {
  return {{"examples are the same ones in the same order", [=] { return check_examples(task); }},
          {"check judges any bytes, twice alike", [=] { return check_verdicts(task); }},
          {"reference answers are correct", [=] { return check_answers(task); }},
          {"an injected error is an error", [=] { return check_injection(task); }}};
}

}  // namespace lldm::laws
