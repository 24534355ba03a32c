// SPDX-License-Identifier: MIT
// operation and operand: an equation is another one, in the words before it too.
#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

std::vector<Edit> operation_edits(const std::string& expression) {
  std::vector<Edit> edits;
  for (std::size_t i = 1; i < expression.size(); ++i) {
    const std::string_view others = expression[i] == '+'   ? "-*"
                                    : expression[i] == '-' ? "+"
                                    : expression[i] == '*' ? "+/"
                                    : expression[i] == '/' ? "*"
                                                           : "";
    for (const char other : others) edits.push_back({i, i + 1, std::string(1, other)});
  }
  return edits;
}

/// Operands replaced by other numbers of the question.
std::vector<Edit> operand_edits(const std::string& expression, std::string_view question) {
  std::vector<Edit> edits;
  for (const auto& operand : find_numbers(expression))
    for (const auto& other : find_numbers(question)) {
      const auto digits = write_value(other.value, false);
      if (digits && other.value > 0 && !is_same(operand.value, other.value))
        edits.push_back({operand.begin, operand.end, *digits});
    }
  return edits;
}

/// The words before an annotation with the same edit as its expression.  If they show the
/// expression, it is changed there as well; if they show none of its numbers, they stay; else the
/// place does not fit.
std::optional<std::string> edit_words(std::string_view words, const std::string& expression,
                                      const Edit& edit) {
  const auto signs = signs_of(words);
  std::string shown;
  for (const auto& sign : signs) shown += sign.sign;
  const auto at = shown.rfind(expression);
  const auto after = at + expression.size();
  const auto is_number = [&](std::size_t i) {
    return i < shown.size() && ((shown[i] >= '0' && shown[i] <= '9') || shown[i] == '.');
  };
  if (at != std::string::npos && !(at > 0 && is_number(at - 1)) && !is_number(after))
    return apply_edit(words,
                      {signs[at + edit.begin].begin, signs[at + edit.end - 1].end, edit.text});
  for (const auto& operand : find_numbers(expression))
    for (const auto& number : find_numbers(words))
      if (is_same(operand.value, number.value)) return std::nullopt;
  return std::string(words);
}

using Edits = std::vector<Edit> (*)(const std::string& expression, std::string_view question);

WrongChains change_expressions(const Chain& chain, Edits edits_of) {
  WrongChains found;
  for (std::size_t i = 0; i < chain.annotations.size(); ++i) {
    const auto& annotation = chain.annotations[i];
    if (!annotation.is_true) continue;
    const auto place = place_of(chain, i);
    for (const auto& edit : edits_of(annotation.expression, chain.prompt)) {
      const auto expression = apply_edit(annotation.expression, edit);
      const auto value = evaluate(expression);
      const auto digits = value ? write_value(*value, false) : std::nullopt;
      const auto words = edit_words(place.words, annotation.expression, edit);
      if (!digits || !words) continue;
      Changes changes;
      changes.set(annotation.value, *value);
      const auto rest = carry_on(place.after, changes);
      if (!rest) continue;
      found.push_back({std::string(place.before) + *words +
                           annotation.written(expression, *digits) + rest->text,
                       chain.step_of(annotation),
                       annotation.expression + "=" + annotation.result,
                       expression + "=" + *digits,
                       {}});
    }
  }
  return found;
}

}  // namespace

WrongChains change_operations(const Chain& chain) {
  return change_expressions(chain, [](const std::string& expression, std::string_view) {
    return operation_edits(expression);
  });
}

WrongChains change_operands(const Chain& chain) { return change_expressions(chain, operand_edits); }

}  // namespace lldm::synthesis
